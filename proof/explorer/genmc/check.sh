#!/bin/sh
# The harnesses compile, and run as ordinary programs: that they stay in step
# with the headers. GenMC itself is not in Debian; README.md has its command.
#
#     check.sh SOURCE-ROOT
set -eu
root=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for harness in bytes frames; do
	"${CC:-cc}" -std=gnu11 -O1 -Wall -Wextra -Werror -pthread \
		-I"$root/libbbq/include" -DCAPACITY=4 -DOPERATIONS=4 \
		-o "$scratch/$harness" "$root/proof/explorer/genmc/$harness.c"
	run=0
	while [ "$run" -lt 100 ]; do
		"$scratch/$harness"
		run=$((run + 1))
	done
	echo "$harness: compiles, 100 runs"
done
