#!/bin/sh
# Run producer and consumer against each other, either one first.
#
#     two-processes.sh PRODUCER CONSUMER
set -eu
producer=$1
consumer=$2
count=100000
# 1 + 4 + 9 + ... + count^2
expect="received $count samples, the last is number $count, sum 333338333350000"
name=/bbq-example-$$
scratch=$(mktemp -d "${TMPDIR:-/tmp}/bbq-example.XXXXXX")
trap 'rm -rf "$scratch" "/dev/shm$name"' EXIT
trap 'exit 1' INT TERM

fail() {
	echo "two-processes.sh: $*" >&2
	exit 1
}

# check ORDER: both have ended well; the consumer had all; no name is left.
check() {
	echo "$1: $(cat "$scratch/consumer")"
	[ "$(cat "$scratch/consumer")" = "$expect" ] || fail "expected: $expect"
	[ ! -e "/dev/shm$name" ] || fail "$name is left in /dev/shm"
}

"$consumer" "$name" >"$scratch/consumer" &
sleep 0.2
"$producer" "$name" "$count" >"$scratch/producer"
wait $!
check "consumer first"

"$producer" "$name" "$count" >"$scratch/producer" &
sleep 0.2
"$consumer" "$name" >"$scratch/consumer"
wait $!
check "producer first"
