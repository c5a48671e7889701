#!/bin/sh
# data import, data export and export: tokens of nanoGPT and Megatron-LM in and out, and models for other programs. What the
# exported models compute is tested where PyTorch is, in tests/python/torch.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

# A directory of each kind with the same tokens; Megatron's has several documents, and one with 4 bytes for each token.
cat >make.py <<'PYTHON'
import os, random, struct, sys

def megatron(prefix, documents, code):
    kind, lengths, borders = ("H" if code == 8 else "i"), [], [0]
    for document in documents:
        half = len(document) // 2
        lengths += [half, len(document) - half]
        borders.append(len(lengths))
    tokens = [token for document in documents for token in document]
    size = struct.calcsize(kind)
    offsets = [sum(lengths[:i]) * size for i in range(len(lengths))]
    open(prefix + ".bin", "wb").write(struct.pack(f"<{len(tokens)}{kind}", *tokens))
    open(prefix + ".idx", "wb").write(
        b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, code, len(lengths), len(borders))
        + struct.pack(f"<{len(lengths)}i", *lengths) + struct.pack(f"<{len(lengths)}q", *offsets)
        + struct.pack(f"<{len(borders)}q", *borders))

draw = random.Random(1)
splits = {name: [draw.randrange(60000) for _ in range(count)] for name, count in (("train", 9001), ("valid", 500), ("test", 301))}
for directory in ("nano", "mega", "two"):
    os.mkdir(directory)
for name, tokens in splits.items():
    open(f"nano/{'val' if name == 'valid' else name}.bin", "wb").write(struct.pack(f"<{len(tokens)}H", *tokens))
    megatron(f"mega/{name}", [tokens[:100], tokens[100:]], 4 if name == "valid" else 8)
for name in ("train", "val"):
    os.link(f"nano/{name}.bin", f"two/{name}.bin")
megatron("corpus", [[n] * 97 for n in range(100)], 8)
megatron("single", [[1] * 97], 8)
PYTHON
python3 make.py

works data import --format nanogpt --in nano --vocab-size 60000 --out a
works data import --format megatron --in mega --vocab-size 60000 --out b
for split in train valid test; do same "a/$split.bin" "b/$split.bin"; done
valid_json a/meta.json
python3 - <<'PYTHON' || problem "the imported data are wrong"
import hashlib, json, struct
meta = json.load(open("a/meta.json"))
assert meta["vocab_size"] == 60000 and meta["tokenizer"] == {"type": "none"}, meta
data = open("a/train.bin", "rb").read()
sums = [hashlib.sha256(data).hexdigest()]
assert meta["splits"]["train"] == {"tokens": 9001, "shards": sums} and meta["split_by"] == "given", meta
assert struct.unpack("<3i", data[:12]) == (20240520, 1, 9001) and data[1024:] == open("nano/train.bin", "rb").read()
PYTHON

# Out again: nanoGPT's bytes are those that came in, and so are Megatron's tokens.
works data export --data b --format nanogpt --out c
for split in train val test; do same "nano/$split.bin" "c/$split.bin"; done
works data export --data a --format megatron --out d
same nano/val.bin d/valid.bin
works data import --format megatron --in d --vocab-size 60000 --out e
for split in train valid test; do same "a/$split.bin" "e/$split.bin"; done
works data export --data e --format megatron --out f
for split in train valid test; do same "d/$split.idx" "f/$split.idx"; done
works data export --data e --format megatron --out f --force
works data import --format nanogpt --in two --vocab-size 60000 --out g
same g/valid.bin g/test.bin

# One pair is split between documents: 90 of 97 tokens, 5, and 5.
works data import --format megatron --in corpus --vocab-size 100 --out h
grep -q '"split_by": "documents"' h/meta.json || problem "h/meta.json does not say how it was split"
python3 - <<'PYTHON' || problem "the documents were split elsewhere"
import json
splits = json.load(open("h/meta.json"))["splits"]
assert [splits[name]["tokens"] for name in ("train", "valid", "test")] == [90 * 97, 5 * 97, 5 * 97], splits
PYTHON

# They are data to train on.
works train --preset demo --data h --out run --steps 1 --batch 1 --quiet

# A tokenizer says how many tokens there are, and what they mean.
make_text 20000 text
works data prepare text text --tokenizer sentencepiece --vocab-size 40 --out pieces
works data export --data pieces --format nanogpt --out pieces-nano
works data import --format nanogpt --in pieces-nano --tokenizer pieces-nano/tokenizer.model --out again
for file in train.bin valid.bin test.bin tokenizer.model; do same "pieces/$file" "again/$file"; done
python3 -c 'import json; meta = json.load(open("again/meta.json")); assert meta["tokenizer"] == {"type": "sentencepiece"}' ||
    problem "the tokenizer is not known"
fails 2 'but pieces-nano/tokenizer.model has' data import --format nanogpt --in pieces-nano --vocab-size 7 \
    --tokenizer pieces-nano/tokenizer.model --out x

fails 2 '--vocab-size' data import --format nanogpt --in nano --out x
fails 1 'nano/train.bin: token [0-9]+ \(byte [0-9]+\) is [0-9]+, but the vocabulary has 59 tokens' \
    data import --format nanogpt --in nano --vocab-size 59 --out x
fails 2 'nanogpt or megatron|nanogpt, megatron|nanogpt' data import --format llama --in nano --vocab-size 60000 --out x
fails 1 'train.bin' data import --format nanogpt --in mega/nothing --vocab-size 60000 --out x
fails 1 'single.idx: its 1 document cannot be split' data import --format megatron --in single --vocab-size 60000 --out x
fails 2 'a.*--force' data import --format nanogpt --in nano --vocab-size 60000 --out a
fails 2 'the input' data import --format nanogpt --in c --vocab-size 60000 --out c --force
for end in bin idx; do cp "corpus.$end" "f/train.$end"; done
fails 2 'the input' data import --format megatron --in f/train --vocab-size 100 --out f --force
same corpus.idx f/train.idx
same nano/train.bin c/train.bin
printf x >>nano/val.bin
fails 1 'nano/val.bin has 1001 bytes, which is no whole number of tokens' \
    data import --format nanogpt --in nano --vocab-size 60000 --out x
printf x >>mega/valid.bin
fails 1 'mega/valid.bin has 2001 bytes, but its index describes 2000' \
    data import --format megatron --in mega --vocab-size 60000 --out x
printf 'MMIDIDX\0\0\2' >mega/train.idx
fails 1 'mega/train.idx' data import --format megatron --in mega --vocab-size 60000 --out x
for left in x x.partial; do [ ! -e "$left" ] || problem "a failed import left $left"; done
works data import --format megatron --in d --vocab-size 70000 --out wide
fails 2 'megatron' data export --data wide --format nanogpt --out x
works data export --data wide --format megatron --out wide-out

# Models: an exported one is still a model, and nothing is replaced unasked.
works export --model run --out hf
valid_json hf/config.json
for file in modeling_sigmoe.py configuration_sigmoe.py; do same "hf/$file" "$root/src/interchange/hf/$file"; done
make_tokens x.npy 2 9 90
works forward --model run --tokens x.npy --out y1
works forward --model hf --tokens x.npy --out y2
same y1 y2
fails 2 'hf.*--force' export --model run --out hf
works export --model run --out hf --force
works export --model hf --format onnx --out m.onnx
fails 2 'm.onnx exists already' export --model hf --format onnx --out m.onnx
works export --model hf --format onnx --out m2.onnx
same m.onnx m2.onnx
fails 2 "lies in the model's directory" export --model hf --format onnx --out hf/m.onnx

# Weights in several files.
cp -r hf parts
rm parts/manifest.json
cat >shards.py <<'PYTHON'
import json, os, struct, sys
data = open("parts/model.safetensors", "rb").read()
(length,) = struct.unpack("<Q", data[:8])
header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
header.pop("__metadata__", None)
places = {name: f"model-{i % 2}.safetensors" for i, name in enumerate(header)}
for place in set(places.values()):
    part, parts = b"", {}
    for name in header:
        if places[name] == place:
            first, end = header[name]["data_offsets"]
            parts[name] = {**header[name], "data_offsets": [len(part), len(part) + end - first]}
            part += body[first:end]
    text = json.dumps(parts).encode()
    open(f"parts/{place}", "wb").write(struct.pack("<Q", len(text)) + text + part)
os.remove("parts/model.safetensors")
json.dump({"weight_map": places}, open("parts/model.safetensors.index.json", "w"))
PYTHON
python3 shards.py
works forward --model parts --tokens x.npy --out y3
same y1 y3
sed -i 's|model-0.safetensors|sub/model-0.safetensors|' parts/model.safetensors.index.json
fails 1 'sub/model-0.safetensors.*not the name' forward --model parts --tokens x.npy --out y4
rm parts/model-1.safetensors
sed -i 's|sub/||' parts/model.safetensors.index.json
fails 1 'model-1.safetensors' forward --model parts --tokens x.npy --out y4

printf x >>hf/model.safetensors
fails 1 'hf/model.safetensors' export --model hf --out other
[ ! -e other ] || problem "a failed export left something"
[ "$(wc -c <wide-out/test.bin)" = 1204 ] || problem "ids beyond 65535 need four bytes"
finish
