#!/bin/sh
# What fails, and then fails to be cleaned up as well: the sentence is about the first.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
needs_faults
sigmoe=$program
make_data data
write_config moe.json "$MOE"
mkdir disk

# The call number N that writes or removes something fails, as do all after it. Where it is a write, what fails next is the
# removal of what was written so far. Not each N is tried, but those at the beginning.
survives() { # survives WORD...
    n=0 writes=0
    while :; do
        rm -rf disk/*
        program=$sigmoe
        with_faults --under disk --fail EIO --nth $n --onwards --calls write,unlinkat --report report
        status=0
        "$program" "$@" >stdout 2>stderr || status=$?
        first=$(head -n 1 report)
        [ -n "$first" ] || break
        if [ "$first" = write ]; then
            writes=$((writes + 1))
            [ "$status" -eq 1 ] || problem "write $n of $1: exit status $status: $(cat stderr)"
            grep -q '^sigmoe: .*cannot write.*Input/output error' stderr || problem "write $n of $1: $(cat stderr)"
            ! grep -q 'cannot remove' stderr || problem "write $n of $1: $(cat stderr)"
        fi
        n=$((n + 1 + n / 8))
    done
    [ "$writes" -gt 0 ] || problem "$1 wrote nothing"
    echo "$1: $writes writes failed"
}

survives train --config moe.json --data data --out disk/run --batch 2 --steps 2 --checkpoint-every 1 --seed 1
survives data prepare text data.txt --out disk/data

finish
