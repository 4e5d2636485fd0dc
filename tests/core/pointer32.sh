#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pointer32.sh SOURCE_ROOT [CFLAGS...]: the model, and headers of frames, where
# size_t has 32 bits: a header can say more there than a size_t can hold.
set -eu

root=$(cd "$1" && pwd)
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for bits in 64 32; do
	gcc -m32 -std=gnu11 -D_GNU_SOURCE -DBBQ_WORD_BITS=$bits -O1 -g \
		-Wall -Werror -fsanitize=undefined -fno-sanitize-recover=all \
		"$@" -I"$root/libbbq/include" -o "$scratch/model" \
		"$root/tests/core/model.c"
	"$scratch/model" 32$bits 3000000
done

gcc -m32 -std=gnu11 -O1 -g -Wall -Werror -fsanitize=undefined \
	-fno-sanitize-recover=all "$@" -I"$root/libbbq/include" \
	-o "$scratch/header" "$root/tests/core/header.c"
"$scratch/header"
