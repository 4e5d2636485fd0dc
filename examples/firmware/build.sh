#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh CORE SIZE OUTPUT [FLAGS...]: the firmware for cortex-m0, cortex-m4 or
# riscv32, with a queue of SIZE bytes. No library is linked, libgcc included.
set -eu

core=$1
size=$2
output=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
include=${BBQ_INCLUDE:-$here/../../libbbq/include}

case $core in
cortex-m0) # the micro:bit's nRF51
	compiler=arm-none-eabi-gcc
	machine='-mcpu=cortex-m0 -mthumb'
	board="$here/cortex-m.c -T $here/cortex-m.ld
		-Wl,--defsym=FLASH_ORIGIN=0 -Wl,--defsym=RAM_ORIGIN=0x20000000
		-Wl,--defsym=RAM_SIZE=0x4000"
	;;
cortex-m4) # MPS2 with the AN386 image
	compiler=arm-none-eabi-gcc
	machine='-mcpu=cortex-m4 -mthumb'
	board="$here/cortex-m.c -T $here/cortex-m.ld
		-Wl,--defsym=FLASH_ORIGIN=0 -Wl,--defsym=RAM_ORIGIN=0x20000000
		-Wl,--defsym=RAM_SIZE=0x10000"
	;;
riscv32)
	compiler=riscv64-unknown-elf-gcc
	machine='-march=rv32imac_zicsr -mabi=ilp32 -msmall-data-limit=0'
	board="$here/riscv32.c -T $here/riscv32.ld"
	;;
*)
	echo "build.sh: no core '$core'" >&2
	exit 2
	;;
esac
# shellcheck disable=SC2086 # lists
exec "$compiler" $machine -Os -std=gnu11 -ffreestanding -nostdlib -static \
	-ffunction-sections -fdata-sections -Wl,--gc-sections \
	-Wall -Wextra -Wconversion -Wshadow -Werror \
	-I"$include" -DQUEUE_SIZE="$size" -o "$output" "$here/firmware.c" \
	$board "$@"
