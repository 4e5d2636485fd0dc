#!/bin/sh
# Is a program that a document shows the one that is built here?
#
#     check-readme.sh DOCUMENT PROGRAM
#
# The first block of the document that begins with an #include must be the
# program, without its license line. In man pages a backslash is written twice.
set -eu
scratch=$(mktemp -d "${TMPDIR:-/tmp}/bbq-readme.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM

awk '/^```/ { if (shown) exit; first = !open; open = !open; next }
     first && /^#include/ { shown = 1 }
     { first = 0 }
     shown' "$1" >"$scratch/shown.c"
case $1 in
*.scd) sed -i 's/\\\\/\\/g' "$scratch/shown.c" ;;
esac
sed 1d "$2" >"$scratch/built.c"
[ -s "$scratch/shown.c" ] || {
	echo "check-readme.sh: $1 shows no program" >&2
	exit 1
}
diff -u "$scratch/shown.c" "$scratch/built.c"
