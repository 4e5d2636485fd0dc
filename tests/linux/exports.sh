#!/bin/sh
# SPDX-License-Identifier: MIT
#
# exports.sh CC SOURCE_ROOT LIBBBQ.SO WORK_DIR
#
# What libbbq.map lists, what the headers declare, and what the shipped library
# exports are one and the same list of names; and a program that knows nothing
# but these names links and starts with it.
set -eu

cc=$1
root=$2
library=$(realpath "$3")
work=$4

mkdir -p "$work"
cd "$work"
export LC_ALL=C

# Names in the map's global part.
sed -n '/^global:/,/^local:/p' "$root/libbbq/libbbq.map" |
	sed -n 's/^[[:space:]]*\(bbq_[a-z0-9_]*\);$/\1/p' | sort >map

# Names of functions that are declared BBQ_API or BBQ_INLINE, on one line or
# on the next: the first word that is followed by a parenthesis.
for header in "$root"/libbbq/include/bbq/*.h; do
	sed -n '/^BBQ_API\|^BBQ_INLINE/{
		/(/!N
		s/\n/ /
		s/^[^(]*\(bbq_[a-z0-9_]*\)(.*/\1/p
	}' "$header"
done | sort >headers

# Defined symbols of the library; version nodes themselves do not count.
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' |
	sed 's/@.*//' | sort >exported

same()
{
	if ! diff -u "$1" "$2"; then
		echo "exports: $1 and $2 differ" >&2
		exit 1
	fi
}

empty()
{
	if [ -s "$1" ]; then
		echo "exports: $1:" >&2
		cat "$1" >&2
		exit 1
	fi
}

uniq -d map >twice-in-map
empty twice-in-map
uniq -d headers >twice-in-headers
empty twice-in-headers
same map headers
same map exported

# Every name is in a version node of ours.
nm -D --defined-only --with-symbol-versions "$library" |
	awk '$2 != "A" && $3 !~ /@@LIBBBQ_/' >unversioned
empty unversioned

{
	sed 's/.*/extern char &[];/' map
	echo 'static char *const all[] = {'
	sed 's/$/,/' map
	echo '};'
	echo 'int main(void)'
	echo '{'
	echo '	for (unsigned int i = 0; i < sizeof(all) / sizeof(*all); i++)'
	echo '		if (!*(char *volatile const *)&all[i])'
	echo '			return 1;'
	echo '	return 0;'
	echo '}'
} >all.c
# Words in CC, and in CFLAGS, are words.
# shellcheck disable=SC2086
$cc ${CFLAGS:-} -w -fno-builtin -o all all.c "$library"
LD_LIBRARY_PATH=$(dirname "$library") ./all
echo "exports: $(wc -l <map) names"
