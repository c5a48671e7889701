#!/bin/sh
# check_hardening.sh FILE...: programs and libraries were built as cmake/hardening.cmake says: no part of theirs can be written
# once it is loaded, but data; their stack cannot be executed and is guarded; sizes are checked in the C library's functions; and on x86-64
# jumps go only where they may. Prints what does not hold; the exit status is 1 when there is any.
set -eu
[ $# -gt 0 ] || {
    echo "usage: check_hardening.sh FILE..." >&2
    exit 1
}
list=$(mktemp)
trap 'rm -f "$list" "$list".*' EXIT

# has PART PATTERN WORDS: what readelf says of that part matches, or it is told.
has() { grep -qE -e "$2" "$list.$1" || echo "$file: $3" >>"$list"; }
has_not() { ! grep -qE -e "$2" "$list.$1" || echo "$file: $3" >>"$list"; }

for file in "$@"; do
    readelf -hW "$file" >"$list.header"
    readelf -lW "$file" >"$list.segments"
    readelf -dW "$file" >"$list.dynamic"
    readelf -nW "$file" >"$list.notes"
    readelf --dyn-syms -W "$file" >"$list.symbols"
    has header 'Type: +DYN' 'it is not position-independent'
    has segments 'GNU_RELRO' 'addresses of functions can be overwritten (no RELRO)'
    has dynamic 'BIND_NOW|FLAGS_1.*NOW' 'addresses of functions can be overwritten (no BIND_NOW)'
    has_not dynamic 'TEXTREL' 'its code is changed when it is loaded (TEXTREL)'
    has segments 'GNU_STACK.* RW +0x' 'its stack can be executed'
    has_not segments 'LOAD.* RWE ' 'a part of it can be written and executed'
    has symbols '__stack_chk_fail' 'its stack is not guarded (-fstack-protector-strong)'
    has symbols '__[a-z]+_chk(@|$| )' 'no size is checked (_FORTIFY_SOURCE)'
    if grep -q 'X86-64' "$list.header"; then
        # Each function begins with the one instruction that jumps may go to. The loader heeds it if the C library's own parts have
        # it, too, which Debian's do not.
        marks=$(objdump -d "$file" | grep -c endbr64) || true
        [ "$marks" -gt 100 ] || echo "$file: jumps may go anywhere (-fcf-protection)" >>"$list"
        if readelf -nW "$(${CC:-cc} -print-file-name=Scrt1.o)" | grep -q IBT; then
            has notes 'x86 feature:.*IBT, SHSTK' 'it is not marked for CET'
        fi
    fi
done
cat "$list"

[ ! -s "$list" ]
