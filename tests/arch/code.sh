#!/bin/sh
# The generated code of the four verbs: each has the orders that core.h argues
# for, and nothing dearer. Clang writes for every machine; core.h needs no libc.
#
#     code.sh SOURCE-ROOT OUTPUT-FOLDER
set -eu
root=$1
out=$2
mkdir -p "$out"

fail() {
	echo "code.sh: $*" >&2
	exit 1
}

# orders FILE: "grant ldar", "commit stlr" ...: what orders or leaves a verb.
# What a grant does when the cached cursor is not enough is a function of its
# own, which it may call; that counts as its code.
orders() {
	awk '/^bbq_open_grant_late_[a-z0-9.]*:/ { verb = "grant"; next }
		verb && /[[:space:]]_?bbq_open_grant_late_/ { next }
		/^fast_[a-z]*:/ { sub(/^fast_/, ""); sub(/:.*/, ""); verb = $0; next }
		verb && $1 ~ /^(ldap?u?r|stlu?r|dmb|dsb|isb|ld[ax]*xr|stl?xr|cas.*|swp.*|lda|stl|fence|lock|xchg.*|[mls]fence|cmpxchg.*|call.*|jmpq|tail|bl|blr|blx|br|amo.*|lr\..*|sc\..*)$/ {
			sub(/[#@;].*|\/\/.*/, "")
			$1 = $1
			print verb, $0
		}
		$1 ~ /^(jmp|b)$/ && $2 !~ /^\.L/ { print verb, $0 }' "$1" |
		sed -E 's/(ldar|ldapr|stlr|lda|stl)[[:space:]].*/\1/'
}

# check NAME EXPECTED COMMAND...
check() {
	name=$1
	expected=$2
	shift 2
	"$@" -std=c11 -ffreestanding -fno-stack-protector -Wall -Wextra -Werror \
		-I"$root/libbbq/include" -S -o "$out/$name.s" \
		"$root/tests/arch/fastpath.c" || fail "$name does not compile"
	[ "$(grep -cE '^fast_(grant|commit|read|release):' "$out/$name.s")" -eq 4 ] ||
		fail "$name: not four verbs"
	found=$(orders "$out/$name.s" | sort -u)
	[ "$found" = "$expected" ] || fail "$name: expected
$expected
found
$found"
}

ldar='commit stlr
grant ldar
read ldar
read stlr
release stlr'
fence='commit fence rw, w
grant fence r, rw
read fence r, rw
read fence rw, w
release fence rw, w'
dmb='commit dmb ish
grant dmb ish
read dmb ish
release dmb ish'

for level in -O2 -O3; do
	check "x86_64-gcc$level" '' gcc $level
	check "i386-gcc$level" '' gcc -m32 -fno-pic $level
	check "x86_64$level" '' clang --target=x86_64-linux-gnu $level
	check "aarch64$level" "$ldar" clang --target=aarch64-linux-gnu $level
	check "riscv64$level" "$fence" clang --target=riscv64-linux-gnu $level
	check "armv7$level" "$dmb" \
		clang --target=armv7a-linux-gnueabihf $level
done

# The check can fail: a fence beside each store is seen.
sed 's/__ATOMIC_RELEASE/__ATOMIC_SEQ_CST/; s/memory_order_release/memory_order_seq_cst/' \
	"$root/libbbq/include/bbq/core.h" >"$out/core.h"
! cmp -s "$out/core.h" "$root/libbbq/include/bbq/core.h" ||
	fail 'the mutant is no mutant'
sed 's|<bbq/core.h>|"core.h"|' "$root/tests/arch/fastpath.c" >"$out/mutant.c"
gcc -std=c11 -ffreestanding -O2 -S -o "$out/mutant.s" "$out/mutant.c" ||
	fail 'the mutant does not compile'
[ -n "$(orders "$out/mutant.s")" ] || fail 'a stronger store is not seen'
