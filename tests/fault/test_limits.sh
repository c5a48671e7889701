#!/bin/sh
# The limits of the shell: beyond `ulimit -f` a write is an error with a sentence, and what was there before goes on; in a
# small stack everything works, with the same results.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE"
make_model model moe.json data
make_tokens tokens.npy 2 13 "$vocab"
python3 -c 'print("[" * 2000 + "]" * 2000)' >deep.json

# limited LIMIT VALUE WORD...: the program under a limit; its stdout, stderr and exit status pass through a pipe, since files
# have that limit, too.
limited() {
    limit=$1 value=$2
    shift 2
    { # shellcheck disable=SC3045  # every shell that this runs in has these two
        (ulimit "$limit" "$value" && exec "$program" "$@") 2>&1 || echo "status $?"
    } | cat >said
}

train_in() { "$program" train --config moe.json --data data --out "$1" --batch 2 --steps 60 --checkpoint-every 20 --seed 1; }
train_in whole >stdout 2>stderr || problem "training failed: $(cat stderr)"

# Blocks of 512 bytes.
went_on=0 succeeded=0
for blocks in 0 1 8 32 48 64 80 96 128 256; do
    rm -rf run
    limited -f $blocks train --config moe.json --data data --out run --batch 2 --steps 60 --checkpoint-every 20 --seed 1
    grep -q '^status' said || {
        succeeded=$((succeeded + 1))
        continue
    }
    grep -qx 'status 1' said || problem "$blocks blocks: $(tail -n 2 said)"
    [ "$(grep -c '^sigmoe: .*File too large; ulimit -f' said)" -eq 1 ] || problem "$blocks blocks: $(cat said)"
    # shellcheck disable=SC2012  # names are numbers
    newest=$(ls run/checkpoints 2>/dev/null | tail -n 1)
    [ -n "$newest" ] || continue
    works train --resume --out run
    same whole/checkpoints/00000060 run/checkpoints/00000060
    went_on=$((went_on + 1))
done
[ "$went_on" -gt 0 ] || problem "no limit came after a checkpoint: other sizes are needed"
[ "$succeeded" -gt 0 ] || problem "the training never fitted into the limit"
limited -f 1 presets
grep -qx 'status 1' said && problem "what is printed into a pipe has no size: $(tail -n 1 said)"
status=0
(
    # shellcheck disable=SC3045
    ulimit -f 1 && exec "$program" presets >presets.txt 2>stderr
) || status=$?
{ [ "$status" -eq 1 ] && grep -q '^sigmoe: cannot write to standard output: File too large' stderr; } ||
    problem "presets into a limited file: exit status $status: $(cat stderr)"

# in_small_stack STATUS WORD...
in_small_stack() {
    expected=$1
    shift
    limited -s 128 "$@"
    if [ "$expected" -eq 0 ]; then
        ! grep '^status' said >status || problem "in a small stack: sigmoe $*: $(cat status): $(tail -n 2 said)"
    else
        grep -qx "status $expected" said || problem "in a small stack: sigmoe $*: $(tail -n 2 said)"
        [ "$(grep -c '^sigmoe: ' said)" -eq 1 ] || problem "in a small stack: sigmoe $*: $(cat said)"
    fi
}
in_small_stack 0 train --config moe.json --data data --out small --batch 2 --steps 60 --checkpoint-every 20 --seed 1 --threads 2
same whole/checkpoints/00000060 small/checkpoints/00000060
in_small_stack 0 train --resume --out small
in_small_stack 0 eval --model small --data data --split test --limit-tokens 500
in_small_stack 0 forward --model model --tokens tokens.npy --out y.safetensors --grad
in_small_stack 0 data prepare text data.txt --out bytes
same data bytes
in_small_stack 0 data prepare text data.txt --tokenizer sentencepiece --vocab-size 300 --out pieces
in_small_stack 0 compare --data data --base ./moe.json --variants dense,topk --steps 2 --batch 2 --out compared
in_small_stack 0 analyze small --data data --limit-tokens 500 --out analyzed
in_small_stack 0 info --model small/checkpoints/00000060
in_small_stack 0 info --preset wt-s-moe
in_small_stack 0 bench layer --d-model 32 --experts 4 --expert-size 16 --k 2 --tokens 64 --threads 2
in_small_stack 0 bench layer --d-model 32 --experts 4 --expert-size 16 --k 2 --tokens 64 --threads 2 --dtype bf16
in_small_stack 1 train --config deep.json --data data --out deep --batch 2 --steps 1
in_small_stack 2 train --config moe.json --set ff.kk=3 --data data --out other --batch 2 --steps 1

finish
