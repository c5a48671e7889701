#!/bin/sh
# The table of kernels is complete, counts what it shows, and fails when it must.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
failures=0

full_matrix() {
    printf 'OPERATION(adam)\nOPERATION(top_k)\n' >"$place/operations.inc"
    cat >"$place/rows" <<'TEXT'
kernel top_k                  ref        amx        absent
kernel adam                   ref        scalar     executed
kernel adam                   ref        amx        emulated
kernel adam                   avx2       avx2       executed
TEXT
}

expect() { # expect STATUS DESCRIPTION LINE: the outcome, and a line that is printed (a pattern)
    status=0
    sh "$here/print_matrix.sh" "$place/rows" "$place/operations.inc" >"$place/log" 2>&1 || status=$?
    if [ "$status" -ne "$1" ] || ! grep -q "$3" "$place/log"; then
        echo "$2: exit status $status instead of $1, or no line \"$3\""
        cat "$place/log"
        failures=$((failures + 1))
    fi
}

full_matrix
expect 0 "counts" '^2 operations, 3 implementations, .*: 2 executed, 1 emulated, 1 absent from this processor, 0 failed$'
expect 0 "cells" '^adam  *ref  *executed  *-  *-  *-  *emulated$'
expect 0 "order" '^operation  *implementation  *scalar  *avx2  *avx512  *avx512bf16  *amx$'
full_matrix
echo 'kernel top_k ref scalar FAILED' >>"$place/rows"
expect 1 "a failed row" '^top_k  *ref  *FAILED  *-  *-  *-  *absent$'
full_matrix
echo 'OPERATION(layer_norm)' >>"$place/operations.inc"
expect 1 "a missing operation" '^layer_norm: no test wrote a row'
full_matrix
echo 'kernel top_k ref' >>"$place/rows"
expect 1 "half a row" '^not a row of the matrix: kernel top_k ref$'
full_matrix
: >"$place/rows"
expect 1 "no rows" 'no kernel.s test wrote'
rm "$place/rows"
expect 1 "no file" 'no kernel.s test wrote'

[ "$failures" -eq 0 ] && echo "the table of kernels says what it must"
