#!/bin/sh
# SPDX-License-Identifier: MIT
#
# headers.sh SOURCE_ROOT: core.h and frame.h compile by themselves, without a
# warning, in each language, compiler, word size, pointer size and with or
# without a hosted C library; and all they could ever ask of one are the four
# functions that a freestanding compiler may always call.
set -eu

include=$(cd "$1" && pwd)/libbbq/include
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror'
allowed='^(memcpy|memmove|memset|memcmp|_GLOBAL_OFFSET_TABLE_)$'
status=0
count=0

for header in core frame; do
	echo "#include <bbq/$header.h>" >"$scratch/$header.c"
	cp "$scratch/$header.c" "$scratch/$header.cc"
done

# try COMPILER SOURCE FLAGS...
try() {
	rm -f "$scratch/object.o"
	count=$((count + 1))
	if ! "$@" -I"$include" $warnings -c -o "$scratch/object.o"; then
		echo "headers: failed: $*"
		status=1
	fi
}

# Every function is emitted; what do they need?
needs_nothing() {
	try "$@" -DBBQ_INLINE=
	if ! nm -g "$scratch/object.o" >"$scratch/symbols"; then
		status=1
		return
	fi
	if ! grep -q ' T bbq_producer_attach$' "$scratch/symbols"; then
		echo "headers: no functions in the object: $*"
		status=1
	fi
	if awk '$1 == "U" { print $2 }' "$scratch/symbols" |
		grep -Ev "$allowed"; then
		echo "headers: undefined symbols, above: $*"
		status=1
	fi
}

# one COMPILER SOURCE STANDARD
one() {
	for flags in -m64 -m32; do
		for bits in 64 32; do
			for host in '' '-ffreestanding -nostdlib'; do
				for level in -O0 -O2; do
					try "$1" "$2" "$3" $flags $level \
						$host -DBBQ_WORD_BITS=$bits
					needs_nothing "$1" "$2" "$3" $flags \
						$level $host \
						-DBBQ_WORD_BITS=$bits
				done
			done
		done
	done
}

# In clang, a driver that does not link finds -nostdlib useless, and says so.
for header in core frame; do
	one gcc "$scratch/$header.c" -std=c11
	one g++ "$scratch/$header.cc" -std=c++17
	warnings="$warnings -Wno-unused-command-line-argument"
	one clang "$scratch/$header.c" -std=c11
	one clang++ "$scratch/$header.cc" -std=c++17
	warnings=${warnings% *}
done
echo "headers: $count compilations"
exit $status
