#!/bin/sh
# Every single allocation of forward and eval fails once, and every ninth of a short training: always exit status 1, one
# sentence, nothing left behind, no crash.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE"
make_model model moe.json data
make_tokens tokens.npy 2 13 "$vocab"

# sweep STRIDE OUTPUT WORD...: fails allocation 0, STRIDE, 2 STRIDE, ... until there is none left to fail.
sweep() {
    stride=$1 output=$2
    shift 2
    n=0
    while :; do
        status=0
        rm -rf "$output"
        SIGMOE_FAIL_ALLOCATION=$n "$program" "$@" >stdout 2>stderr || status=$?
        [ "$status" -ne 0 ] || break
        [ "$status" -eq 1 ] || problem "$1, allocation $n: exit status $status: $(tail -n 1 stderr)"
        [ "$(grep -c '^sigmoe: ' stderr)" -eq 1 ] || problem "$1, allocation $n: $(cat stderr)"
        [ ! -s stdout ] || problem "$1, allocation $n: printed a result and failed"
        for leftover in "$output"*.partial; do [ ! -e "$leftover" ] || problem "$1, allocation $n: left $leftover"; done
        n=$((n + stride))
        [ "$n" -lt 5000 ] || {
            problem "$1 still fails at allocation $n"
            return
        }
    done
    [ "$n" -gt 5 ] || problem "$1: only $n allocations could fail"
    echo "$1: allocations 0, $stride, $((2 * stride)), ... $((n - stride)) failed, one at a time"
}

sweep 1 y.safetensors forward --model model --tokens tokens.npy --out y.safetensors --unroll 6 --training --grad --threads 2
sweep 1 nothing eval --model model --data data --split test --limit-tokens 40 --threads 1 --json
sweep 9 run train --init model --data data --out run --batch 2 --steps 2 --checkpoint-every 1 --threads 1
finish
