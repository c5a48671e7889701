# shellcheck shell=sh disable=SC2034
# What the scripts of tests/cli and tests/fault share. Sourced with $1 the program and $2 the repository; leaves the script
# in a directory of its own that is removed at the end.
case $1 in
/*) program=$1 ;;
*) program=$(pwd)/$1 ;;
esac
root=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit
failures=0

problem() {
    printf 'FAILED: %s\n' "$*"
    failures=$((failures + 1))
}

# not_run REASON: ends the script; the summary of ./run test says so, and why.
not_run() {
    echo "not run: $*"
    [ -z "${SIGMOE_NOT_RUN:-}" ] || echo "${SIGMOE_TEST:-$0}: $*" >>"$SIGMOE_NOT_RUN"
    exit 77
}

# needs_faults: ends the script where system calls cannot be made to fail.
needs_faults() {
    faults=${program%/*}/tests/with_faults
    status=0
    "$faults" --under "$work" --read-only -- true 2>refusal || status=$?
    [ "$status" -ne 77 ] || not_run "$(sed 's/^not run: //' refusal)"
    [ "$status" -eq 0 ] || problem "with_faults: $(cat refusal)"
}

# with_faults OPTION...: $program is from now on the same program with system calls that fail.
with_faults() {
    printf '#!/bin/sh\nexec "%s"' "$faults" >faulty_program
    printf ' "%s"' "$@" -- "$program" >>faulty_program
    echo ' "$@"' >>faulty_program
    chmod +x faulty_program
    program=$work/faulty_program
}

# works WORD...: the command succeeds. Its output stays in stdout and stderr.
works() {
    status=0
    "$program" "$@" >stdout 2>stderr || status=$?
    [ "$status" -eq 0 ] || problem "sigmoe $*: exit status $status: $(tail -n 1 stderr)"
}

# fails STATUS PATTERN WORD...: the command ends with STATUS and says one sentence, which matches PATTERN (grep -E).
fails() {
    expected=$1 pattern=$2
    shift 2
    status=0
    "$program" "$@" >stdout 2>stderr || status=$?
    [ "$status" -eq "$expected" ] || problem "sigmoe $*: exit status $status, expected $expected: $(tail -n 1 stderr)"
    sentences=$(grep -c '^sigmoe: ' stderr || true)
    [ "$sentences" -eq 1 ] || problem "sigmoe $*: $sentences sentences on stderr instead of one: $(cat stderr)"
    last=$(tail -n 1 stderr)
    printf '%s\n' "$last" | grep -qE -e "$pattern" || problem "sigmoe $*: \"$last\" does not match \"$pattern\""
}

# absent PATH...: a failure left nothing there, not even a part.
absent() {
    for path in "$@"; do
        for leftover in "$path" "$path".*; do
            [ ! -e "$leftover" ] || problem "$leftover was left behind"
        done
    done
}

# same A B: the directories (or files) have equal bytes.
same() { diff -r "$1" "$2" >difference || problem "$1 and $2 differ: $(head -n 3 difference)"; }

valid_json() { python3 -m json.tool "$1" >/dev/null 2>json_error || problem "$1 is not JSON: $(cat json_error)"; }

# make_text BYTES FILE: English-like, the same each time.
make_text() {
    awk -v bytes="$1" 'BEGIN {
        count = split("the of and a to in is you that it he was for on are as with his they at be this have from or one had by word but not what all were we when your can said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see number no way could people my than first water been call who its now find long down day did get come made may part", words, " ")
        state = 7
        while (bytes > 0) {
            state = (state * 16807) % 2147483647
            text = words[state % count + 1] (state % 11 == 0 ? ".\n" : " ")
            printf "%s", text
            bytes -= length(text)
        }
    }' >"$2"
}

# make_data DIR: a small prepared data set.
make_data() {
    make_text 60000 "$1.txt"
    "$program" data prepare text "$1.txt" --out "$1" 2>stderr || problem "data prepare: $(cat stderr)"
    vocab=$(sed -n 's/.*"vocab_size": *\([0-9]*\).*/\1/p' "$1/meta.json" | head -n 1)
}

DENSE='"type": "dense", "d_ff": 24'
MOE='"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "sigmoid", "expert_dropout": 0.1, "regularizer": "entropy", "regularizer_weight": 0.001'

# write_config FILE FF [DROPOUT]: a tiny model of $vocab tokens.
write_config() {
    cat >"$1" <<JSON
{"model_type": "sigmoe", "version": 1, "vocab_size": $vocab, "d_model": 16, "n_layers": 2, "n_heads": 2, "d_head": 8,
 "dropout": ${3:-0.1}, "unroll": 12, "memory_segments": {"train": 1, "eval": 2}, "tokenizer": {"type": "none"},
 "ff": {$2}}
JSON
}

# make_model DIR CONFIG DATA: weights after no step at all.
make_model() {
    "$program" train --config "$2" --data "$3" --out "$1.run" --batch 2 --steps 0 >stdout 2>stderr ||
        problem "train --steps 0: $(cat stderr)"
    cp -r "$1.run/checkpoints/00000000" "$1"
    rm -rf "$1.run" "$1/trainer.safetensors" "$1/trainer.json"
}

# unseal RUN: train.json without its sum, as version 0.1.0 wrote it, so that it can be edited.
unseal() {
    python3 - "$1/train.json" <<'PYTHON'
import json
import sys
run = json.load(open(sys.argv[1]))
for key in "version", "sha256":
    del run[key]
json.dump(run, open(sys.argv[1], "w"), indent=2)
PYTHON
}

# make_tokens FILE B N V: int32 [B, N] ids below V.
make_tokens() {
    PYTHONPATH="$root/tests/oracle" PYTHONDONTWRITEBYTECODE=1 python3 - "$@" <<'PYTHON'
import sys
import vector_files
path, rows, columns, below = sys.argv[1], *map(int, sys.argv[2:5])
vector_files.write_npy_int32(path, [[(7 * i + 3 * j + i * j) % below for j in range(columns)] for i in range(rows)])
PYTHON
}

finish() {
    [ "$failures" -eq 0 ] || {
        echo "$failures checks failed"
        exit 1
    }
    echo "all checks passed"
}
