#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh SOURCE_ROOT SCRATCH: each fuzz target for a fixed number of inputs,
# from the corpus on, always the same ones; then with sources that have one
# thing wrong, which must be found in as many. scripts/fuzz takes its time.
set -eu

root=$(cd "$1" && pwd)
scratch=$2
fuzz=$root/tests/fuzz
sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'

# What libFuzzer keeps on its stack is no leak, whatever scripts/test says.
unset ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS

rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"

# build TARGET TREE DIRECTORY
build()
{
	mkdir -p "$3"
	# shellcheck disable=SC2086 # a list
	"$fuzz/build.sh" "$1" "$2" "$3/fuzz" $sanitize
	cp -r "$fuzz/corpus/${1%-*}" "$3/corpus"
}

# run RUNS DIRECTORY: 0 if nothing is found
run()
{
	"$2/fuzz" -seed=1 -runs="$1" -max_len=400 -timeout=60 \
		-artifact_prefix="$2/" -close_fd_mask=1 "$2/corpus" \
		>"$2/log" 2>&1
}

# target TARGET RUNS
target()
{
	build "$1" "$root" "$1"
	if ! run "$2" "$1"; then
		grep -v '^bbq-cat: ' "$1/log" | tail -40 >&2
		echo "fuzz: $1 found something" >&2
		exit 1
	fi
	echo "$1: $(grep '^Done' "$1/log")"
}

# mutant TARGET RUNS FILE FROM TO: one text in FILE is another one.
mutant()
{
	name=mutant-$((mutants + 1))
	mkdir "$name"
	cp -r "$root/libbbq" "$root/tools" "$name"
	if ! python3 - "$name/$3" "$4" "$5" <<'EOF'
import sys
path, old, new = sys.argv[1:]
text = open(path).read()
if text.count(old) != 1:
    sys.exit(f'{path}: "{old}" is there {text.count(old)} times')
open(path, 'w').write(text.replace(old, new))
EOF
	then
		exit 1
	fi
	build "$1" "$PWD/$name" "$name"
	if run "$2" "$name"; then
		echo "fuzz: $1 does not find: $3: $4 => $5" >&2
		exit 1
	fi
	mutants=$((mutants + 1))
	echo "found by $1: $3: $4 => $5"
}

target words-64 200000
target words-32 200000
target frames 200000
target segment 60000
target channel 15000
target options 200000

core=libbbq/include/bbq/core.h
frame=libbbq/include/bbq/frame.h
mutants=0
mutant words-64 200000 $core 'bbq_offset_(write) <= capacity;' 'capacity;'
mutant words-64 200000 $core 'last <= capacity && last > 0' 'capacity && last > 0'
mutant words-32 200000 $core 'c->read += (bbq_word)used;' \
	'c->read += (bbq_word)(used + (used > 40));'
mutant frames 200000 $frame ' || len > view->len - payload' ''
mutant frames 200000 $frame 'if (size > avail)' 'if (0)'
mutant segment 60000 $core 'bbq_offset_(write) <= capacity;' 'capacity;'
mutant segment 60000 libbbq/segment.c \
	'(uint64_t)st.st_size != ret->size' '0'
mutant channel 15000 libbbq/message.c 'close(more);' ';'
mutant channel 15000 libbbq/sealed.c '(seals & SEALS) == SEALS' '1'
mutant options 200000 tools/command.c \
	'if (number > BBQ_CAPACITY_MAX >> units[i].shift)' 'if (0)'
echo "fuzz: $mutants of $mutants broken libraries found"
