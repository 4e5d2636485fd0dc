#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutants.sh COMPILER SOURCE_ROOT WORK_DIR
#
# instructions.c and scribbler.c find what they are there to find: builds of
# them with a library that has one thing wrong must fail, each with the check
# that is about it.
set -eu

compiler=$1
root=$2
work=$3
found=0

rm -rf "$work"
mkdir -p "$work"
cd "$work"

# The test that is to find the mutants below, and its arguments.
test=instructions
arguments=20

# build NAME: the test with the library in NAME
build()
{
	# shellcheck disable=SC2086 # a command and its arguments
	$compiler -std=gnu11 -O2 -pthread -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
		-I"$1/include" -o "$1/test" \
		"$root/tests/linux/$test.c" "$1"/*.c
}

# mutant NAME FILE CHECK SED-SCRIPT: the test must end with CHECK failing.
mutant()
{
	cp -r "$root/libbbq" "$1"
	sed "$4" "$root/libbbq/$2" >"$1/$2"
	if cmp -s "$root/libbbq/$2" "$1/$2"; then
		echo "mutants: $1: the source has changed, nothing to break" >&2
		exit 1
	fi
	build "$1"
	status=0
	# shellcheck disable=SC2086 # a list
	"$1/test" $arguments >"$1/out" 2>"$1/err" || status=$?
	if [ "$status" -ne 1 ] || ! grep -F "$3" "$1/err" | grep -q "not "; then
		cat "$1/out" "$1/err" >&2
		echo "mutants: $1: status $status, not found by $3" >&2
		exit 1
	fi
	echo "$1: $(cat "$1/err")"
	found=$((found + 1))
}

core=include/bbq/core.h
frame=include/bbq/frame.h

# The watermark comes after the cursor under which it should travel.
mutant last-after-write $core 'holds(r, &world->after)' '
/^static inline void bbq_publish_/,/^}/ {
	/bbq_store_relaxed_/d
	s/^\tbbq_store_release_.*/&\n\tbbq_store_relaxed_(\&p->own->last, p->last);/
}'

mutant last-after-write-of-want $core '_open(copy, ret) == 0' '
/^static inline int bbq_want_place_/,/^}/ {
	/bbq_store_relaxed_/d
	s/^\tbbq_store_release_.*/&\n\tbbq_store_relaxed_(\&p->own->last, p->last);/
}'

# A part of what is committed can be seen without the rest.
mutant commit-in-two-stores $core 'holds(r, &world->after)' '
/^static inline void bbq_publish_/,/^}/ {
	s/^\tbbq_store_release_/\tbbq_store_release_(\&p->own->write, p->write - 1);\n&/
}'

mutant release-in-two-stores $core 'holds(r, &world->after)' '
/^static inline void bbq_consume_/,/^}/ {
	s/^\tbbq_store_release_/\tbbq_store_release_(\&c->own->read, c->read - 1);\n&/
}'

# What is granted can be seen before it is committed.
mutant grant-that-publishes $core 'holds(r, &world->after)' '
/^static inline void bbq_open_place_/,/^}/ {
	s/^\tp->open = open;/&\n\tif (place->start)\n\t\tbbq_store_release_(\&p->own->write, p->write + place->len);/
}'

# What a reader has seen is gone before it is released.
mutant read-that-releases $core 'holds(r, &world->after)' '
/^BBQ_INLINE int bbq_read_split/,/^}/ {
	s/^\tconsumer->open = .*/&\n\tbbq_store_release_(\&consumer->own->read, consumer->read + len);/
}'

# A frame is there, and its header is not.
mutant header-after-write $frame 'holds(r, &world->after)' '
/^BBQ_INLINE int bbq_frame_commit/,/^}/ {
	/^\tbbq_frame_header_encode/,/;$/d
	s/^\tbbq_publish_.*/&\n\tbbq_frame_header_encode(producer->data + producer->start,\n\t\tproducer->frame_header, used);/
}'

# Who slept when its waker died sleeps on.
mutant claim-without-a-ring role.c 'side->bell != bell' '
/^static void end_start/,/^}/ { /bbq_end_wake/d; }'

# A segment can be seen before there is anything in it.
mutant name-before-header segment.c 'error == 0' '
/^int bbq_segment_create_named/,/^}/ {
	s/error = link_fd(fd, path)/error = 0/
	s/^\terror = format(.*/\tlink_fd(fd, path);\n&/
}'

# The tail is never given up: half of the lengths can be refused for ever.
mutant no-want verbs.c 'error == 0' '
/^static int sender_want/,/^}/ { s/int error = want(.*/int error = 0 * (int)len;\n\t(void)want;/; }'

# What follows believes a peer; a peer that scribbles is to show it.
test=scribbler
arguments='200 1'

# A word that was checked is loaded again.
mutant write-twice $core capacity '
/^static inline int bbq_consumer_reload_/,/^}/ {
	s/^\treturn error;/\tc->write = bbq_load_acquire_(\&c->peer->write);\n&/
}'

mutant read-twice $core capacity '
/^static inline int bbq_producer_reload_/,/^}/ {
	s/^\tp->read = read;/\tp->read = bbq_load_acquire_(\&p->peer->read);/
}'

# An own word is loaded from where the peer can write.
mutant own-word $core capacity '
/^static inline void bbq_consume_/,/^}/ {
	s/^\tif (used <= c->len)/\tc->read = bbq_load_relaxed_(\&c->own->read);\n&/
}'

# The length of a frame, likewise.
mutant length-twice $frame capacity '
/^static inline int bbq_frame_find_/,/^}/ {
	s/^\tret->len = len;/\tbbq_frame_header_decode(data, (size_t)-1, \&header, \&len);\n&/
}'

# How much is in the queue is what the words say.
mutant fill-unchecked segment.c capacity '
/^size_t bbq_segment_fill/,/^}/ { s/^\treturn fill <.*/\treturn fill;/; }'

# What is sent can be written by whoever gets it.
mutant unsealed sealed.c 'memcmp(before' 's/F_SEAL_FUTURE_WRITE | //'

echo "mutants: $found of $found found"
