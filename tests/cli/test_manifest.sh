#!/bin/sh
# What each command says of a model, a checkpoint or a run that is not as it was written; and which checkpoints a run keeps.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE"
works train --config moe.json --data data --out run --batch 2 --steps 6 --checkpoint-every 2 --threads 1
works quantize --model run --out small
works export --model run --out hf
cp -r run/checkpoints/00000006 model
make_tokens tokens.npy 2 9 "$vocab"
printf '{"context": "a", "continuation": "b"}\n' >lines.jsonl

# The sum of a manifest is that of the lines before it, and the files are those of its directory.
for directory in model small hf; do
    [ "$(head -n -2 $directory/manifest.json | sha256sum | cut -c 1-64)" = \
        "$(sed -n 's/^  "sha256": "\(.*\)"$/\1/p' $directory/manifest.json)" ] || problem "the sum of $directory/manifest.json"
    (cd $directory && python3 - <<'PYTHON') || problem "$directory/manifest.json does not tell what is there"
import hashlib, json, os
files = json.load(open("manifest.json"))["files"]
assert set(files) == {name for name in os.listdir(".") if name[0] != "." and name != "manifest.json"}, files
for name, entry in files.items():
    data = open(name, "rb").read()
    assert entry == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}, name
PYTHON
done

# flip FILE: changes one bit in its middle.
flip() {
    python3 - "$1" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    data = bytearray(file.read())
    data[len(data) // 2] ^= 1
    file.seek(0)
    file.write(data)
PYTHON
}

# refused PATTERN MODEL: by everything that reads it; nothing is written.
refused() {
    for command in 'eval --data data --split test' 'forward --tokens tokens.npy --out new' 'info' 'generate -p a -n 1' \
        'score --in lines.jsonl' 'quantize --out new' 'export --out new' 'export --format onnx --out new'; do
        # shellcheck disable=SC2086  # words are words
        fails 1 "$1" $command --model "$2"
        absent new
    done
    fails 1 "$1" analyze "$2" --data data --limit-tokens 100 --out new
    fails 1 "$1" train --init "$2" --data data --batch 2 --steps 1 --out new
    absent new
}
for model in model small hf; do
    for file in config.json model.safetensors; do
        cp -r $model bad
        flip bad/$file
        refused "bad/$file is not as it was written" bad
        rm -r bad
    done
    cp -r $model bad
    flip bad/manifest.json
    refused 'bad/manifest.json' bad
    rm bad/manifest.json bad/trainer.json 2>/dev/null || true
    works eval --model bad --data data --split test # from elsewhere
    rm -r bad
done
cp -r model bad
rm bad/manifest.json
refused 'manifest.json is missing' bad
rm -r bad
# A tokenizer is read with a model, too.
works data prepare text data.txt --out pieces --tokenizer sentencepiece --vocab-size 80
(vocab=80 && write_config pieces.json "$MOE")
works train --config pieces.json --data pieces --out spelled --batch 2 --steps 1 --threads 1
flip spelled/checkpoints/00000001/tokenizer.model
fails 1 'tokenizer.model is not as it was written' eval --model spelled --data pieces --split test
fails 1 'tokenizer.model is not as it was written' tokenize --model spelled -t a

# A run: eval names the damaged checkpoint and takes no other, a resume takes the one before and says so.
cp -r run bad
flip bad/checkpoints/00000006/model.safetensors
fails 1 'bad/checkpoints/00000006/model.safetensors is not as it was written' eval --model bad --data data --split test
works eval --model bad/checkpoints/00000004 --data data --split test
works train --resume --out bad --threads 1
grep -q 'checkpoint 00000006 is passed over: bad/checkpoints/00000006/model.safetensors is not' stderr ||
    problem "nothing is said of the damaged checkpoint: $(cat stderr)"
same run/checkpoints bad/checkpoints
rm -r bad
for file in train.json logs.json metrics.jsonl valid.jsonl usage.jsonl; do
    cp -r run bad
    flip bad/$file
    cp -r bad before
    fails 1 "bad/$file" train --resume --out bad
    rm bad/.lock && rm -f before/.lock
    same before bad
    rm -r bad before
done

# What is kept, and that it can change.
kept() { # kept RUN NAMES
    [ "$(cd "$1/checkpoints" && echo *)" = "$2" ] || problem "$1 has other checkpoints: $(ls "$1/checkpoints")"
}
works train --config moe.json --data data --out kept --batch 2 --steps 7 --checkpoint-every 1 --threads 1 --keep 3 --keep-every 2
kept kept '00000002 00000004 00000005 00000006 00000007'
absent kept/checkpoints/00000004/trainer.safetensors
works eval --model kept/checkpoints/00000002 --data data --split test
works train --resume --out kept --keep 1 --keep-every 0 --threads 1
kept kept 00000007
grep -q '"newest": 1' kept/train.json || problem "--keep on --resume is not recorded"
works train --resume --out kept --steps 9 --threads 1
kept kept 00000009
fails 2 '\-\-keep must be 1..' train --resume --out kept --keep 0

# That of the best validation: a learning rate that is far too high afterwards makes an early one the best.
works train --config moe.json --data data --out best --batch 2 --steps 2 --checkpoint-every 1 --valid-every 1 --valid-tokens 60 \
    --threads 1 --schedule constant --keep 1 --keep-best
works train --resume --out best --steps 6 --lr 3 --threads 1
kept best '00000002 00000006'
fails 2 'choose one' train --resume --out best --keep-best --no-keep-best
works train --resume --out best --no-keep-best --threads 1
kept best 00000006
grep -q '"best": false' best/train.json || problem "--no-keep-best is not recorded"

finish
