#!/bin/sh
# shellcheck disable=SC2016  # the sentences have backquotes
# --max-memory: every command that takes much memory says before it begins how much it needs, how much it may take, and what to
# change; nothing is written then.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

make_data data
write_config dense.json "$DENSE"
write_config moe.json "$MOE"
make_model model dense.json data
make_tokens tokens.npy 2 200 "$vocab"
echo '{"context": "the ", "continuation": "of"}' >passages.jsonl

# refused NEED SAVES WORD...: the command has enough with 1 GB, and not with 20 kB.
refused() {
    need=$1 saves=$2
    shift 2
    fails 1 "^sigmoe: $need takes about [0-9.]* [kMG]B of memory, and 20 kB may be taken; $saves takes less, and --max-memory sets" \
        "$@" --max-memory 20k
}
training='training on batches of 2 x 12 tokens'
refused "$training" 'a smaller --batch, or more --recompute,' train --config dense.json --data data --out run --batch 2
refused "$training" 'a smaller --batch' train --config dense.json --data data --out run --batch 2 --recompute all
refused "dense: $training" 'a smaller --batch' compare --base moe.json --data data --out run --batch 2 --variants dense --seeds 1 --steps 2
model='the model model' smaller='a smaller model, or one in 8 bits,'
refused "$model" "$smaller" eval --model model --data data
refused "$model" "$smaller" forward --model model --tokens tokens.npy --out y.safetensors
refused "$model" "$smaller" generate --model model --prompt the
refused "$model" "$smaller" score --model model --in passages.jsonl
refused "$model" "$smaller" quantize --model model --out small
refused "$model" "$smaller" export --model model --out exported --format hf
refused "$model" "$smaller" analyze model --data data --out analysis
refused 'a moe block at 64 tokens' 'a block of fewer --tokens' bench layer --d-model 32 --experts 4 --expert-size 16 --k 2 --tokens 64
absent run y.safetensors small exported analysis

# What a model has room for, but not what is to be done with it: the model takes 21 kB.
fails 1 'scoring 4 streams of windows of 12 tokens takes about .*; a smaller --batch, or fewer memory segments,' eval --model model \
    --data data --max-memory 30kB
fails 1 'a pass over 2 x 199 tokens, with all of their logits, takes about .*; a file of fewer --tokens' forward --model model \
    --tokens tokens.npy --out y.safetensors --max-memory 0.06M
fails 1 'remembering 100000 tokens of 1 text takes about .*; a shorter context, or fewer texts at a time,' generate --model model \
    --prompt the --context 1000000 --max-tokens 99997 --max-memory 1MiB
works eval --model model --data data --max-memory 1G
works forward --model model --tokens tokens.npy --out y.safetensors --max-memory 1.5GiB

# Without the option, too: no machine has so much.
fails 1 'training on batches of 1048576 x 12 tokens takes about .*\(what the machine has, or its cgroup allows\)' train \
    --config dense.json --data data --out run --batch 1048576 --set d_model=4096

for size in 0 -1 x 8X 8Gx G inf nan 1e999; do
    fails 2 '--max-memory must be a size, as 500M, 8G or 7.5GiB, not' eval --model model --data data --max-memory "$size"
done
finish
