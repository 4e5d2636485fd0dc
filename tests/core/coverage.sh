#!/bin/sh
# SPDX-License-Identifier: MIT
#
# coverage.sh SOURCE_ROOT SCRATCH_DIR: every line and every branch of core.h
# and frame.h is taken by some test, for each size of the shared words.
#
# The headers are static inline: each test program has a copy of its own.
# -fkeep-inline-functions makes all of them complete, also where a function is
# not called, and gcovr adds the copies up line by line, branch by branch.
# The two word sizes are different programs, so each has to reach 100 %.
set -eu

root=$(cd "$1" && pwd)
mkdir -p "$2"
scratch=$(cd "$2" && pwd)
criterion='regressions errors verbs laps frames framebounds framebatch'
criterion="$criterion hostile reachable"
status=0

# build BITS PROGRAM LIBRARIES...
build() {
	bits=$1 program=$2
	shift 2
	gcc -std=gnu11 -D_GNU_SOURCE -DBBQ_WORD_BITS="$bits" \
		-O0 -g --coverage -fkeep-inline-functions \
		-I"$root/libbbq/include" -c -o "$program.o" \
		"$root/tests/core/$program.c"
	gcc --coverage -o "$program" "$program.o" "$@"
}

for bits in 64 32; do
	rm -rf "${scratch:?}/$bits"
	mkdir "$scratch/$bits"
	cd "$scratch/$bits"
	for program in $criterion; do
		build "$bits" "$program" -lcriterion
		if ! ./"$program" >"$program.log" 2>&1; then
			echo "$program, $bits-bit words:"
			cat "$program.log"
			status=1
		fi
	done
	build "$bits" model
	./model 1 300000 || status=1

	gcovr --root "$root" --filter '.*/bbq/(core|frame)\.h$' \
		--json cover.json --txt lines.txt .
	gcovr --root "$root" --add-tracefile cover.json --branches \
		--txt branches.txt
	echo "core.h and frame.h, $bits-bit words: lines"
	sed -n '/^File/,$p' lines.txt
	echo "core.h and frame.h, $bits-bit words: branches"
	sed -n '/^File/,$p' branches.txt
	gcovr --root "$root" --add-tracefile cover.json \
		--fail-under-line 100 --fail-under-branch 100 \
		--txt "$scratch/report.txt" || status=1
	# Nothing measured is not everything covered.
	for header in core frame; do
		grep -q "bbq/$header.h" cover.json || {
			echo "coverage: $header.h is not there"
			status=1
		}
	done
done
exit $status
