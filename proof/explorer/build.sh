#!/bin/sh
# Build an explorer against another tree: for mutants of the library.
#
#     build.sh queue|wait LIBBBQ-DIRECTORY OUTPUT
#
# LIBBBQ-DIRECTORY is like libbbq/ of this repository; of it, "queue" uses
# include/bbq/core.h and frame.h, "wait" also wait.c and verbs.c and what they
# include.
set -eu
[ $# -eq 3 ] || {
	echo "usage: build.sh queue|wait LIBBBQ-DIRECTORY OUTPUT" >&2
	exit 2
}
here=$(cd "$(dirname "$0")" && pwd)
case $1 in
queue) own="explorer-queue.c queue.c bytes.c frames.c" ;;
wait) own="explorer-wait.c" ;;
*) exit 2 ;;
esac
set -- "$2" "$3"
for source in access.c event.c explore.c memory.c seen.c settle.c trace.c $own
do
	set -- "$@" "$here/$source"
done
tree=$1
output=$2
shift 2
exec "${CC:-cc}" -std=gnu11 -O2 -w -D_GNU_SOURCE \
	-I"$tree/include" -I"$tree" -o "$output" "$@"
