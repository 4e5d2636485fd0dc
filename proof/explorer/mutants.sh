#!/bin/sh
# Does the explorer see what is broken? Each line below breaks one thing in the
# order of accesses, or in the code; each must be reported as a violation.
#
#     mutants.sh SOURCE-ROOT EXPLORER-QUEUE EXPLORER-WAIT
set -u
root=$1
queue=$2
wait=$3
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=0

# caught NAME COMMAND...: it must find a violation, and print it.
caught() {
	name=$1
	shift
	"$@" >"$scratch/log" 2>&1
	status=$?
	if [ "$status" -eq 1 ] && grep -q VIOLATION "$scratch/log"; then
		what=$(sed -n 's/^  VIOLATION, //p' "$scratch/log")
		printf '%-44s caught: %s\n' "$name" "$what"
	else
		printf '%-44s NOT CAUGHT, exit status %d\n' "$name" "$status"
		failed=1
	fi
}

# mutant NAME queue|wait FILE SED-SCRIPT: the same with a changed copy.
mutant() {
	rm -rf "$scratch/libbbq"
	cp -r "$root/libbbq" "$scratch/libbbq"
	sed "$4" "$root/libbbq/$3" >"$scratch/libbbq/$3"
	if cmp -s "$root/libbbq/$3" "$scratch/libbbq/$3"; then
		printf '%-44s NOT APPLIED\n' "$1"
		failed=1
		return
	fi
	"$root/proof/explorer/build.sh" "$2" "$scratch/libbbq" \
		"$scratch/explorer" || failed=1
	caught "$1" "$scratch/explorer"
}

# The four orders of core.h.
for letter in A B C D; do
	caught "core.h: $letter relaxed" "$queue" --weaken "$letter"
done

publish='/^static inline void bbq_publish_/,/^}/'
want='/^static inline int bbq_want_place_/,/^}/'
store_last='bbq_store_relaxed_(\&p->own->last, p->last);'
late="/bbq_store_relaxed_/d
	s/^.*bbq_store_release_(&p->own->write.*/& $store_last/"

mutant "core.h: last after write, commit" queue include/bbq/core.h \
	"$publish { $late
	}"
mutant "core.h: last after write, want" queue include/bbq/core.h \
	"$want { $late
	}"
mutant "core.h: no store of last" queue include/bbq/core.h \
	"$publish { /bbq_store_relaxed_/d
	}"
mutant "core.h: commit before the frame header" queue include/bbq/frame.h \
	'/^BBQ_INLINE int bbq_frame_commit/,/^}/ {
		/bbq_frame_header_encode/i\
bbq_publish_(producer, producer->frame_payload + used);
		/^	bbq_publish_/d
	}'
mutant "core.h: one byte too much at the head" queue include/bbq/core.h \
	'/^static inline size_t bbq_room_at_head_/,/^}/ {
		s/bbq_offset_(read) : 0/bbq_offset_(read) + 1 : 0/
	}'

# The event count.
caught "wait.c: the sleeper's fence missing" "$wait" --without b
caught "wait.c: the waker's fence missing" "$wait" --without q
caught "wait.c: membarrier of the caller only" "$wait" \
	--capacity 1 --membarrier 3 --without m
mutant "verbs.c: no ring after a wrap by want" wait verbs.c \
	'/^static int sender_want/,/^}/ {
		s/bbq_sender_notify(sender)/(void)0/
	}'
mutant "verbs.c: no ring after the watermark" wait verbs.c \
	'/^static int receiver_stepped/,/^}/ {
		s/bbq_receiver_notify(receiver)/(void)0/
	}'
mutant "wait.c: the bell looked at after the ticket" wait wait.c \
	'/^uint32_t bbq_end_announce/,/^}/ {
		s/uint32_t bell = .*/uint32_t bell;/
		s/return bell;/bell = __atomic_load_n(\&end->peer->bell, __ATOMIC_ACQUIRE); return bell;/
	}'
mutant "wait.c: wakes before the bell moves" wait wait.c \
	'/^void bbq_end_ring/,/^}/ {
		s/^	end->served.*/& futex_wake(\&end->own->bell);/
		/^	futex_wake/d
	}'

exit $failed
