#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh SOURCE_ROOT SCRATCH EXPECTED: examples/firmware under an emulator, on
# each kind of core and with queues of 120, 1024 and 4096 bytes. What it prints
# must be what the program EXPECTED prints on this machine. Then sizes: of the
# verbs' code, and of what the queue takes besides its bytes.
set -eu

root=$(cd "$1" && pwd)
scratch=$2
firmware=$root/examples/firmware
expected=$("$3")

rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"

fail() {
	echo "firmware: $*" >&2
	exit 1
}

# emulate CORE IMAGE
emulate() {
	case $1 in
	cortex-m0) set -- "$2" qemu-system-arm -M microbit ;;
	cortex-m4) set -- "$2" qemu-system-arm -M mps2-an386 ;;
	riscv32) set -- "$2" qemu-system-riscv32 -M virt -bios none ;;
	esac
	image=$1
	shift
	timeout 120 "$@" -nographic -monitor none -serial stdio \
		-semihosting-config enable=on,target=native \
		-kernel "$image" 2>&1 </dev/null
}

# tool CORE NAME: of the compiler's family
tool() {
	case $1 in
	riscv32) echo "riscv64-unknown-elf-$2" ;;
	*) echo "arm-none-eabi-$2" ;;
	esac
}

# machine CORE: what the compiler is told, as in build.sh
machine() {
	case $1 in
	riscv32) echo -march=rv32imac_zicsr -mabi=ilp32 ;;
	*) echo "-mcpu=$1" -mthumb ;;
	esac
}

# code CORE SOURCE: bytes of code of the verbs in it; nothing else is called
code() {
	# shellcheck disable=SC2046 # lists
	"$(tool "$1" gcc)" $(machine "$1") -Os -std=c11 -ffreestanding \
		-I"$root/libbbq/include" -c -o verbs.o "$root/tests/$2"
	if "$(tool "$1" nm)" -u verbs.o | grep .; then
		fail "$1: the verbs call the functions above"
	fi
	"$(tool "$1" size)" verbs.o | awk 'NR == 2 { print $1 }'
}

# ram CORE: bytes of the shared words and the two handles
ram() {
	"$(tool "$1" nm)" -S "$1-1024" | while read -r _ size _ name; do
		case $name in
		queue_words | producer | consumer) echo $((0x$size)) ;;
		esac
	done | paste -sd ' '
}

# at_most CORE WHAT BYTES BOUND
at_most() {
	echo "$1: $2: $3 bytes, at most $4"
	[ "$3" -le "$4" ] || fail "$1: $2: $3 bytes, more than $4"
}

# core CORE VERBS FRAMES RAM: bounds, in bytes
core() {
	for size in 120 1024 4096; do
		"$firmware/build.sh" "$1" "$size" "$1-$size"
		printed=$(emulate "$1" "$1-$size") ||
			fail "$1, $size bytes: status $?: $printed"
		[ "$printed" = "$expected" ] ||
			fail "$1, $size bytes: '$printed', not '$expected'"
		address=$("$(tool "$1" nm)" "$1-$size" |
			sed -n 's/ . dma_start$//p')
		echo "$1, $size bytes at 0x$address: $printed"
	done
	at_most "$1" 'grant, commit, read, release' "$(code "$1" arch/fastpath.c)" "$2"
	at_most "$1" 'the same for frames' "$(code "$1" firmware/frames.c)" "$3"
	sizes=$(ram "$1")
	at_most "$1" "consumer, producer, words ($sizes)" \
		$(($(echo "$sizes" | tr ' ' '+'))) "$4"
}

# As seen with Debian 12's gcc 12.2; a few bytes more are noticed.
core cortex-m0 768 1160 108
core cortex-m4 752 1176 108
core riscv32 808 1344 108

# A header that is wrong by one byte does not go unnoticed.
cp -r "$root/libbbq/include" broken
sed -i 's/bbq_publish_(producer, producer->frame_payload + used)/bbq_publish_(producer, producer->frame_payload + used + (used == 40))/' \
	broken/bbq/frame.h
if cmp -s broken/bbq/frame.h "$root/libbbq/include/bbq/frame.h"; then
	fail 'frame.h has changed: nothing to break'
fi
BBQ_INCLUDE=$scratch/broken "$firmware/build.sh" cortex-m0 1024 broken/image
if printed=$(emulate cortex-m0 broken/image) && [ "$printed" = "$expected" ]
then
	fail 'a broken frame.h is not noticed'
fi
echo 'a broken frame.h is noticed'
