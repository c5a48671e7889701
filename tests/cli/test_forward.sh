#!/bin/sh
# forward, and models that are not what they should be: missing, cut off, of other shapes, with NaN.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE"
make_model model moe.json data
make_tokens tokens.npy 2 31 "$vocab"

works forward --model model --tokens tokens.npy --out y.safetensors --unroll 12 --memory-segments 2 --training --grad --seed 3
works forward --model model --tokens tokens.npy --out z.safetensors --unroll 12 --memory-segments 2 --training --grad \
    --seed 3 --threads 3
same y.safetensors z.safetensors
PYTHONPATH="$root/tests/oracle" PYTHONDONTWRITEBYTECODE=1 python3 - "$vocab" <<'PYTHON' || problem "forward's file is wrong"
import sys
import vector_files
got = vector_files.read_safetensors("y.safetensors")
weights = vector_files.read_safetensors("model/model.safetensors")
assert got["logits"][1] == [2, 30, int(sys.argv[1])], got["logits"][1]
assert got["loss.ce"][1] == got["loss.reg"][1] == [1]
assert {n for n in got if n.startswith("grad.")} == {"grad." + n for n in weights}, sorted(got)
assert all(type == "F32" for type, _, _ in got.values())
PYTHON
works forward --model model --tokens tokens.npy --out z.safetensors --training --seed 4
! cmp -s y.safetensors z.safetensors || problem "the seed has no effect"
works forward --model model --tokens tokens.npy --out z.safetensors

forward() { # forward STATUS PATTERN MODEL TOKENS
    fails "$1" "$2" forward --model "$3" --tokens "$4" --out x.safetensors
    absent x.safetensors
}

make_tokens big.npy 2 31 $((vocab + 1))
forward 1 "token" model big.npy
make_tokens one.npy 2 1 "$vocab"
forward 1 . model one.npy
forward 1 'missing.npy' model missing.npy
head -c 100 tokens.npy >cut.npy
forward 1 'cut.npy' model cut.npy
head -c 40 tokens.npy >cut.npy
forward 1 'cut.npy' model cut.npy
: >empty.npy
forward 1 'empty.npy' model empty.npy
sed 's/<i4/<f4/' tokens.npy >float.npy
forward 1 'float.npy' model float.npy
forward 1 'missing' missing tokens.npy
fails 1 . forward --model model --tokens tokens.npy --out missing/y.safetensors
fails 1 . forward --model model --tokens tokens.npy --out .
fails 2 'needs --tokens' forward --model model --out x.safetensors

# What is read is not written over, and only a regular file is replaced; others' files beside the output stay.
cp -r model kept
cp tokens.npy kept.npy
for out in model/model.safetensors model/./new.safetensors ./model/config.json; do
    fails 2 "$out lies in the model" forward --model model --tokens tokens.npy --out $out
done
fails 2 'tokens.npy is the tokens' forward --model model --tokens tokens.npy --out ./tokens.npy
same kept model
same kept.npy tokens.npy
rm -r kept
mkfifo pipe
ln -s kept.npy link
fails 1 'pipe: it is a device or a pipe' forward --model model --tokens tokens.npy --out pipe
fails 2 ' kept.npy exists already, and is not a result' forward --model model --tokens tokens.npy --out link
fails 1 'null: it is a device' forward --model model --tokens tokens.npy --out /dev/null
{ [ -p pipe ] && [ -h link ] && [ -c /dev/null ]; } || problem "forward replaced what is no file"
ln -s kept.npy x.safetensors.partial
works forward --model model --tokens tokens.npy --out x.safetensors
same kept.npy tokens.npy
[ -h x.safetensors.partial ] || problem "forward removed what stood beside its output"
rm pipe link kept.npy x.safetensors x.safetensors.partial

# broken NAME PYTHON: a copy of the model in which the code has changed `config` or `tensors`.
broken() {
    rm -rf "$1"
    cp -r model "$1"
    rm "$1/manifest.json"
    PYTHONPATH="$root/tests/oracle" PYTHONDONTWRITEBYTECODE=1 python3 - "$1" "$2" <<'PYTHON'
import json
import sys
import vector_files
directory, code = sys.argv[1:]
config = json.load(open(f"{directory}/config.json"))
tensors = vector_files.read_safetensors(f"{directory}/model.safetensors")
exec(code)
json.dump(config, open(f"{directory}/config.json", "w"))
vector_files.write_safetensors(f"{directory}/model.safetensors", tensors)
PYTHON
}

NAME=layers.1.ff.experts.up
broken unchanged 'pass'
works forward --model unchanged --tokens tokens.npy --out z.safetensors
broken lacking "del tensors['$NAME']"
forward 1 "$NAME" lacking tokens.npy
broken shaped "t = tensors['$NAME']; tensors['$NAME'] = (t[0], t[1][::-1], t[2])"
forward 1 "$NAME" shaped tokens.npy
broken nan "tensors['$NAME'][2][5] = float('nan')"
forward 1 "$NAME|finite|NaN" nan tokens.npy
fails 1 . eval --model nan --data data
fails 1 . train --init nan --data data --out x --batch 2 --steps 2
broken infinite "tensors['head.bias'][2][0] = float('inf')"
forward 1 'head.bias|finite' infinite tokens.npy
broken typed "t = tensors['$NAME']; tensors['$NAME'] = ('I32', t[1], [0] * len(t[2]))"
forward 1 "$NAME" typed tokens.npy
broken surplus "tensors['layers.9.extra'] = ('F32', [1], [0.0])"
forward 1 'layers.9.extra' surplus tokens.npy
broken other "config['d_model'] = 20"
forward 1 . other tokens.npy
broken unknown "config['ff']['expert_sizes'] = 3"
forward 1 'expert_sizes.*expert_size' unknown tokens.npy

# A configuration of any size is compared with the file before it takes memory: none has room for this one.
ENORMOUS="config.update(n_heads=65536, d_head=16384)"
broken enormous "$ENORMOUS"
MISFIT='model.safetensors: tensor "layers.0.attn.q.weight" has shape'
forward 1 "$MISFIT" enormous tokens.npy
fails 1 "$MISFIT" eval --model enormous --data data
fails 1 "$MISFIT" train --init enormous --data data --out x --batch 2 --steps 2
absent x
works train --config moe.json --data data --out run --batch 2 --steps 1
# As of before there were sums, so that what is read of it is the values.
rm run/checkpoints/00000001/manifest.json
sed -i 's/"version": 2/"version": 1/' run/checkpoints/00000001/trainer.json
mv run/checkpoints/00000001/config.json was.json
sed 's/"n_heads": 2/"n_heads": 65536/; s/"d_head": 8/"d_head": 16384/' was.json >run/checkpoints/00000001/config.json
fails 1 "$MISFIT" train --resume --out run
rm -r run was.json

cp -r model cut
rm cut/manifest.json
for bytes in 0 7 8 60 1000; do
    head -c $bytes model/model.safetensors >cut/model.safetensors
    forward 1 'model.safetensors' cut tokens.npy
done
head -c -1 model/model.safetensors >cut/model.safetensors
forward 1 'model.safetensors' cut tokens.npy
printf '\377\377\377\377\377\377\377\177{}' >cut/model.safetensors
forward 1 'model.safetensors' cut tokens.npy
rm cut/model.safetensors
forward 1 'model.safetensors' cut tokens.npy
mkdir cut/model.safetensors
forward 1 'model.safetensors' cut tokens.npy
cp -r model noconfig
rm noconfig/config.json
forward 1 'config.json|noconfig' noconfig tokens.npy

# Data that are not what they should be.
spoil_data() { # spoil_data NAME COMMAND: a copy of the data, changed; eval and train refuse it
    rm -rf spoilt
    cp -r data spoilt
    sh -c "$2"
    fails 1 "$1" eval --model model --data spoilt --split test
    fails 1 "$1" train --config moe.json --data spoilt --out x --batch 2 --steps 1
    absent x
}
spoil_data 'meta.json' 'rm spoilt/meta.json'
spoil_data 'meta.json' 'echo "{" >spoilt/meta.json'
spoil_data 'vocab_size' 'echo "{\"tokenizer\": {\"type\": \"none\"}}" >spoilt/meta.json'

# spoil_split SPLIT PATTERN: who reads the changed split refuses it.
spoil_split() {
    if [ "$1" = test ]; then
        fails 1 "$2" eval --model model --data spoilt --split test
    else
        fails 1 "$2" train --config moe.json --data spoilt --out x --batch 2 --steps 1
    fi
    absent x
}
for split in test train; do
    rm -rf spoilt
    cp -r data spoilt
    rm spoilt/$split.bin
    spoil_split $split "$split"
    head -c 1000 data/$split.bin >spoilt/$split.bin
    spoil_split $split "$split.bin"
    head -c 2000 data/$split.bin >spoilt/$split.bin
    spoil_split $split "$split.bin"
    { head -c -2 data/$split.bin && printf '\377\177'; } >spoilt/$split.bin
    spoil_split $split "$split.bin|token"
    { printf 'nonsense' && tail -c +9 data/$split.bin; } >spoilt/$split.bin
    spoil_split $split "$split.bin"
done

# Shards and sizes that do not belong together: every score would be wrong. In a cut shard the header is right.
rm -rf spoilt
cp -r data spoilt
sed -i.was 's/"tokens": \([0-9]*\)/"tokens": \10/' spoilt/meta.json
works train --config moe.json --data data --out run --batch 2 --steps 2
for split in test valid train; do
    fails 1 "split $split hold .* tokens, but meta.json says" eval --model model --data spoilt --split $split
    fails 1 "split $split hold .* tokens, but" analyze model --data spoilt --split $split --limit-tokens 100 --out x
done
fails 1 'split [a-z]* hold' train --config moe.json --data spoilt --out x --batch 2 --steps 1
fails 1 'split [a-z]* hold' compare --base moe.json --data spoilt --out x --batch 2 --steps 1 --variants dense
absent x
python3 - <<'PYTHON'
data = open("data/test.bin", "rb").read()
open("spoilt/test.bin", "wb").write(data[:8] + (1000).to_bytes(4, "little") + data[12:1024 + 2000])
PYTHON
mv spoilt/meta.json.was spoilt/meta.json
fails 1 'split test hold 1000 tokens' eval --model model --data spoilt --split test
works eval --model model --data spoilt --split valid
cp -r data/train.bin kept.bin
cp data/valid.bin data/train.bin
fails 1 'split train hold' train --resume --out run
mv kept.bin data/train.bin
works train --resume --out run

finish
