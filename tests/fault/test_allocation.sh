#!/bin/sh
# Every single allocation of eval fails once, and one in five of forward, generate, score and a short training: always exit
# status 1, one sentence, nothing left behind, no crash.
# usage: test_allocation.sh PROGRAM REPOSITORY [STRIDE]   (1: every single one of these, too)
set -eu
stride=${3:-5}
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE"
make_model model moe.json data
printf 'ab\nba\n' >prompts
echo '{"context": "ab", "continuation": "a"}' >pairs.jsonl
make_tokens tokens.npy 2 13 "$vocab"

# sweep STEP OUTPUT WORD...: fails allocation 0, STEP, 2 STEP, ... until there is none left to fail.
sweep() {
    step=$1 output=$2
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
        n=$((n + step))
        [ "$n" -lt 5000 ] || {
            problem "$1 still fails at allocation $n"
            return
        }
    done
    [ "$n" -gt 5 ] || problem "$1: only $n allocations could fail"
    echo "$1: allocations 0, $step, $((2 * step)), ... $((n - step)) failed, one at a time"
}

sweep "$stride" y.safetensors forward --model model --tokens tokens.npy --out y.safetensors --unroll 6 --training --grad --threads 2
sweep 1 nothing eval --model model --data data --split test --limit-tokens 40 --threads 1 --json
sweep "$stride" nothing generate --model model --prompt ab --max-tokens 3 --seed 1 --no-stream --threads 2
sweep "$stride" nothing generate --model model --prompts prompts --max-tokens 3 --seed 1 --json --threads 2
sweep "$stride" nothing score --model model --in pairs.jsonl --threads 2
sweep "$stride" run train --init model --data data --out run --batch 2 --steps 2 --checkpoint-every 1 --threads 1
finish
