#!/bin/sh
# SPDX-License-Identifier: MIT
#
# One segment, two programs that were built in different ways: by gcc and by
# clang, for 32 and for 64 bits, without optimisation and with much, and for
# another architecture, which an emulator runs. Each sends and receives, in
# bytes and frames, through memfds and names (tests/linux/two-process.c).
#
#     mixed.sh SOURCE-ROOT OUTPUT-FOLDER
set -eu
root=$1
out=$2
images=$root/tests/linux/images
mkdir -p "$out"

# build NAME BYTE-ORDER COMPILER FLAGS...: NAME-two-process; and its bytes of a
# segment, and those of earlier versions, are as they should be.
build() {
	name=$1
	image=$images/layout-1.1$2.hex
	shift 2
	for program in two-process golden images; do
		"$@" -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE \
			-D_FILE_OFFSET_BITS=64 -I"$root/libbbq/include" \
			-o "$out/$name-$program" \
			"$root/tests/linux/$program.c" \
			"$root"/libbbq/*.c -pthread
	done
	${emulator:-} "$out/$name-golden" "$image"
	${emulator:-} "$out/$name-images" "$images"/*.hex
}

# exchange NAME OTHER
exchange() {
	OTHER="$out/$2-two-process" EMULATOR=${emulator:-} \
		"$out/$1-two-process" 1
	echo "$1 and $2 exchange data"
}

for compiler in gcc clang; do
	for bits in 32 64; do
		for level in 0 3; do
			build "$compiler-$bits-O$level" '' "$compiler" \
				"-m$bits" "-O$level"
		done
	done
done
exchange gcc-64-O3 gcc-32-O3
exchange gcc-32-O3 gcc-64-O3
exchange gcc-64-O0 clang-64-O3
exchange clang-64-O0 gcc-32-O0
exchange clang-32-O3 clang-64-O3

here=$root/tests/arch
for arch in aarch64 arm riscv64 s390x; do
	emulator=$(command -v "qemu-$arch")
	QEMU_LD_PREFIX=$("$here/cross-libc" $arch)
	export QEMU_LD_PREFIX
	case $arch in
	s390x) build $arch -big "$here/cross-cc" $arch -O2 ;;
	*) build $arch '' "$here/cross-cc" $arch -O2 ;;
	esac
	# Of the other byte order there is only a refusal: linux-images.
	[ $arch = s390x ] || exchange gcc-64-O3 $arch
done
