#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh TARGET TREE OUTPUT [CFLAGS...]: a fuzz target over TREE/libbbq and
# TREE/tools, which may be broken copies.
set -eu

target=$1
tree=$2
output=$3
shift 3
root=$(cd "$(dirname "$0")/../.." && pwd)

case $target in
words-32)
	set -- "$@" -DBBQ_WORD_BITS=32 "$root/tests/fuzz/words.c"
	;;
words-64)
	set -- "$@" "$root/tests/fuzz/words.c"
	;;
frames)
	set -- "$@" "$root/tests/fuzz/frames.c"
	;;
segment)
	set -- "$@" "$root/tests/fuzz/segment.c" "$tree"/libbbq/*.c -pthread
	;;
channel)
	set -- "$@" "$root/tests/fuzz/channel.c" "$tree"/libbbq/*.c -pthread
	;;
options)
	set -- "$@" -DBBQ_VERSION='"0"' "$root/tests/fuzz/options.c" \
		"$tree/tools/command.c" "$tree/tools/cat/options.c"
	;;
*)
	echo "build.sh: no target '$target'" >&2
	exit 2
	;;
esac
exec clang -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -g -O1 \
	-Wall -Wextra -Werror -fsanitize=fuzzer -I"$tree/libbbq/include" \
	-o "$output" "$@"
