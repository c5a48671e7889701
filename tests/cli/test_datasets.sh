#!/bin/sh
# The corpora with splits or shards of their own, from small archives of every kind: prepare, train, score; and damaged ones.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

make_text 60000 train.txt
make_text 9000 valid.txt
make_text 7000 test.txt

# Archives as the corpora have them. (Python writes no zst: the unit tests do.)
python3 - <<'PYTHON'
import gzip, json, os, zipfile

texts = {split: open(f"{split}.txt").read() for split in ("train", "valid", "test")}
with zipfile.ZipFile("wikitext.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for split, text in texts.items():
        archive.writestr(f"some/where/wikitext-103/wiki.{split}.tokens", text)
with zipfile.ZipFile("misnamed.zip", "w") as archive:
    archive.writestr("wikitext-103/wiki.train.txt", texts["train"])


def documents(text, step):
    lines = text.splitlines()
    return [{"id": i, "text": "\n".join(lines[i:i + step])} for i in range(0, len(lines), step)] + [{"text": ""}]


for name, text in (("c4-train.00000.json.gz", texts["train"]), ("c4-train.00001.json.gz", texts["test"]),
                   ("c4-validation.00000.json.gz", texts["valid"])):
    with gzip.open(name, "wt") as file:
        file.writelines(json.dumps(d) + "\n" for d in documents(text, 3))
whole = open("c4-train.00000.json.gz", "rb").read()
open("truncated.json.gz", "wb").write(whole[:len(whole) // 2])
with zipfile.ZipFile("shard-a.zip", "w") as archive:
    archive.writestr("a.json", "".join(json.dumps(d) + "\n" for d in documents(texts["train"], 2)))
open("shard-b.json", "w").write("".join(json.dumps(d) + "\n" for d in documents(texts["valid"], 2)))
open("broken.json", "w").write('{"text": "one"}\n{"text": "two"\n')
open("fieldless.json", "w").write('{"text": "one"}\n{"texts": "two"}\n')
PYTHON

# check_meta DIR PYTHON: the expression over meta (the JSON), split (a split's sizes) and raw(FILE...) must be true.
check_meta() {
    python3 - "$@" <<'PYTHON' || problem "$1/meta.json: not $2"
import glob, hashlib, json, struct, sys
directory, expression = sys.argv[1:]
meta = json.load(open(f"{directory}/meta.json"))
splits = meta["splits"]


def tokens(name):
    return struct.unpack("<3i", open(f"{directory}/{name}.bin", "rb").read(12))[2]


def sizes(text):
    data = text.encode()
    return {"bytes": len(data), "chars": len(text), "words": len(text.split()) + text.count("\n"),
            "sha256": hashlib.sha256(data).hexdigest()}


def raw(*names):
    return sizes("".join(open(n).read() for n in names))


def documents(name, step):
    lines = open(name).read().splitlines()
    return "".join("\n".join(lines[i:i + step]) + "<STORY_SEP>" for i in range(0, len(lines), step))


def has(name, expected):
    shards = [hashlib.sha256(open(f"{directory}/{name}.bin", "rb").read()).hexdigest()]
    return splits[name] == {"tokens": tokens(name), "shards": shards, **expected}


model = hashlib.sha256(open(f"{directory}/tokenizer.model", "rb").read()).hexdigest()
assert meta["tokenizer"] == {"type": "sentencepiece"} and meta["tokenizer_model"]["sha256"] == model
assert eval(expression)
PYTHON
}

works data prepare wikitext103 wikitext.zip --out wiki --vocab-size 200
valid_json wiki/meta.json
check_meta wiki 'has("train", raw("train.txt")) and has("valid", raw("valid.txt")) and has("test", raw("test.txt"))'
check_meta wiki 'meta["vocab_size"] == 200'
mkdir -p unpacked
for split in train valid test; do cp "$split.txt" "unpacked/wiki.$split.tokens"; done
for threads in 1 3; do
    works data prepare wikitext103 unpacked --out unpacked-data --vocab-size 200 --threads "$threads" --force
    for file in train.bin valid.bin test.bin tokenizer.model; do same "wiki/$file" "unpacked-data/$file"; done
done
# The usual size is more than so little text can give.
works data prepare wikitext103 wikitext.zip --out largest
check_meta largest '200 < meta["vocab_size"] < 8000 and meta["tokenizer_model"]["asked_size"] == 8000'

works data prepare c4 c4-*.json.gz --out c4 --vocab-size 200
check_meta c4 'has("train", sizes(documents("train.txt", 3) + documents("test.txt", 3)))'
check_meta c4 'has("valid", sizes(documents("valid.txt", 3))) and has("test", sizes(documents("valid.txt", 3)))'
check_meta c4 '[s["name"] for s in meta["sources"]] == sorted(glob.glob("c4-*.json.gz"))'
check_meta c4 'all(hashlib.sha256(open(s["name"], "rb").read()).hexdigest() == s["sha256"] for s in meta["sources"])'
works data prepare c4 c4-*.json.gz --out fewer --vocab-size 200 --train-shards 1
check_meta fewer 'has("train", sizes(documents("train.txt", 3)))'
works data prepare pes2o shard-a.zip shard-b.json --out pes2o --vocab-size 200
check_meta pes2o 'has("train", sizes(documents("train.txt", 2))) and has("valid", sizes(documents("valid.txt", 2)))'

works data prepare text train.txt --out pieces --tokenizer sentencepiece --vocab-size 200
works data prepare text train.txt --out bytes
python3 - <<'PYTHON' || problem "the splits of a text depend on its tokenizer"
import json
pieces, bytes_ = (json.load(open(f"{d}/meta.json"))["splits"] for d in ("pieces", "bytes"))
for split in pieces:
    own = {"tokens": 0, "shards": []}
    assert {**pieces[split], **own} == {**bytes_[split], **own}, split
    assert pieces[split]["tokens"] < bytes_[split]["tokens"]
PYTHON

# A model knows its tokenizer: the file travels, other data are refused, scores come from the raw sizes.
# shellcheck disable=SC2034  # write_config reads it
vocab=200
write_config config.json "$DENSE"
works train --config config.json --data wiki --out run --batch 2 --steps 6 --checkpoint-every 2 --threads 1
same wiki/tokenizer.model run/checkpoints/00000006/tokenizer.model
works eval --model run --data wiki --split test --json --threads 1
python3 - stdout wiki/meta.json <<'PYTHON' || problem "scores do not follow from the raw sizes"
import json, math, sys
scores, meta = (json.load(open(f)) for f in sys.argv[1:])
sizes = meta["splits"]["test"]
nats = scores["nats_per_token"] * sizes["tokens"]
for key, expected in (("perplexity", math.exp(scores["nats_per_token"])),
                      ("bits_per_byte", nats / math.log(2) / sizes["bytes"]),
                      ("bits_per_char", nats / math.log(2) / sizes["chars"]),
                      ("word_perplexity", math.exp(nats / sizes["words"]))):
    assert abs(scores[key] / expected - 1) < 1e-9, (key, scores[key], expected)
PYTHON
fails 2 'another tokenizer' eval --model run --data c4
fails 2 'another tokenizer' train --init run --data c4 --out other --batch 2 --steps 1
absent other
# A run goes on although the checkpoint that it began with is gone by its end.
works train --config config.json --data wiki --out again --batch 2 --steps 4 --checkpoint-every 1 --threads 1
cp -r again/checkpoints/00000004 model
works train --init model --data wiki --out next --batch 2 --steps 5 --checkpoint-every 1 --threads 1
same wiki/tokenizer.model next/checkpoints/00000005/tokenizer.model
cp -r wiki damaged
printf x >>damaged/tokenizer.model
fails 1 'tokenizer.model' eval --model run --data damaged

fails 1 'misnamed.zip holds no wiki.train.tokens' data prepare wikitext103 misnamed.zip --out x
fails 1 'truncated.json.gz' data prepare c4 truncated.json.gz c4-validation.00000.json.gz --out x
fails 1 'broken.json: line 2 is no JSON' data prepare c4 broken.json c4-validation.00000.json.gz --out x
fails 1 'fieldless.json: line 2 has no "text"' data prepare c4 fieldless.json c4-validation.00000.json.gz --out x
fails 2 'leaves none to train on' data prepare c4 shard-a.zip --out x
fails 2 '5 training shards' data prepare c4 c4-*.json.gz --train-shards 5 --out x
fails 2 'text has no shards' data prepare text train.txt --train-shards 5 --out x
fails 2 'sentencepiece only' data prepare text train.txt --vocab-size 300 --out x
fails 2 'tokenizer of c4 is sentencepiece' data prepare c4 shard-a.zip --tokenizer bytes --out x
fails 2 'cannot train a tokenizer of 5 tokens' data prepare wikitext103 wikitext.zip --vocab-size 5 --out x
fails 2 'did you mean wikitext103' data prepare wikitext wikitext.zip --out x
fails 2 . data prepare text train.txt --tokenizer words --out x
absent x

# Shards: what other fields hold does not matter; a shard named twice, or one that cannot be read, is noticed before the work.
python3 - <<'PYTHON'
import json, os

lines = open("valid.txt").read().splitlines()
documents = [{"text": "\n".join(lines[i:i + 3])} for i in range(0, len(lines), 3)]
plain = "".join(json.dumps(d) + "\n" for d in documents)
odd = ('"id": %d' % 10**40, '"score": 1e999', '"score": NaN, "least": -Infinity', '"a\\u0000b": 1', '"a": "\\ud800"',
       '"deep": ' + "[" * 50000 + "]" * 50000, '"text": ["the last counts"]')
open("plain-valid.json", "w").write(plain)
open("odd-valid.json", "w", encoding="utf-8-sig").writelines(
    "{%s, %s}\n" % (odd[i % len(odd)], json.dumps(d)[1:-1]) for i, d in enumerate(documents))
open("blank-valid.json", "w").write('\n{"text": ""}\n\n')
open("blank.json", "w").write("\n")
open("late-valid.json", "w").write('{"text": "a"\n')
os.mkdir("directory-valid")
os.link("plain-valid.json", "linked.json")
PYTHON
works data prepare c4 shard-a.zip plain-valid.json --out plain --vocab-size 200
works data prepare c4 shard-a.zip odd-valid.json --out odd --vocab-size 200
for file in train.bin valid.bin test.bin tokenizer.model; do same "plain/$file" "odd/$file"; done
works data prepare c4 blank.json shard-a.zip plain-valid.json --out blank --vocab-size 200
same plain/train.bin blank/train.bin

# Folders say what is for validation where no shard's own name does.
mkdir train validation
cp shard-a.zip train/0.zip
cp plain-valid.json validation/0.json
works data prepare c4 validation/0.json train/0.zip --out folders --vocab-size 200
for file in train.bin valid.bin test.bin tokenizer.model; do same "plain/$file" "folders/$file"; done
grep -q 'from train/0.zip on, 1 for validation from validation/0.json on' folders/meta.json || problem "the source is not clear"

works data prepare text valid.txt --out new-folder/.
[ -f new-folder/meta.json ] || problem "new-folder/. is not new-folder"
fails 2 'no name for an output' data prepare text valid.txt --out new-folder/sub/..

# fails_early STATUS PATTERN WORD...: likewise, and nothing was read through and no tokenizer trained before.
fails_early() {
    fails "$@" --out x
    ! grep -qE '^(read|train)' stderr || problem "noticed late: $(tail -n 1 stderr)"
}
fails_early 1 'missing-valid.json' data prepare c4 shard-a.zip missing-valid.json
fails_early 1 'directory-valid' data prepare c4 shard-a.zip directory-valid
fails_early 1 'late-valid.json: line 1 is no JSON: .* at byte 13' data prepare c4 shard-a.zip late-valid.json
fails_early 1 'no text in the validation shard' data prepare c4 shard-a.zip blank-valid.json
fails_early 1 'no text in the training shard' data prepare c4 blank.json plain-valid.json
fails_early 1 'late-valid.json' data prepare c4 shard-a.zip "file://$work/late-valid.json"
fails_early 2 'shard-a.zip is named twice' data prepare c4 shard-a.zip shard-a.zip plain-valid.json
fails_early 2 './plain-valid.json and plain-valid.json are the same' data prepare c4 plain-valid.json ./plain-valid.json shard-b.json
fails_early 2 'linked.json and plain-valid.json are the same' data prepare c4 linked.json plain-valid.json
fails_early 2 'named twice' data prepare c4 "file://$work/shard-b.json" "file://$work/shard-b.json" plain-valid.json
absent x

# ---------------------------------------------------------------- damaged and unusual archives

python3 - <<'PYTHON'
import gzip, io, os, tarfile, zipfile

texts = {split: open(f"{split}.txt").read() for split in ("train", "valid", "test")}
shard = gzip.open("c4-train.00000.json.gz").read()
half = shard.index(b"\n", len(shard) // 2) + 1
stored = bytearray(gzip.compress(shard, 0))
stored[stored.index(b'"text": "') + 12] ^= 1
open("changed.json.gz", "wb").write(stored)
first, second = gzip.compress(shard[:half]), gzip.compress(shard[half:])
open("members.json.gz", "wb").write(first + second + bytes(100))
open("member-cut.json.gz", "wb").write(first + second[:6])
open("member-changed.json.gz", "wb").write(first + b"x" + second[1:])
open("no-documents.json", "w")
open("no-documents.json.gz", "wb").write(gzip.compress(b""))


def pack(name, files):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files:
            archive.writestr(path, text)


def splits(folder, suffix="tokens"):
    return [(f"{folder}/wiki.{split}.{suffix}", text) for split, text in texts.items()]


pack("named.zip", splits("donn\u00e9es/\u65e5\u672c"))
pack("raw.zip", splits("wikitext-103-raw", "raw"))
pack("mac.zip", [("__MACOSX/w/wiki.train.tokens", "junk"), ("w/._wiki.valid.tokens", "junk")] + splits("w"))
pack("two.zip", splits("wikitext-2")[:1] + splits("wikitext-103"))
pack("no-test.zip", splits("w")[:2])
whole = open("named.zip", "rb").read()
open("directory-cut.zip", "wb").write(whole[:-5])
open("commented.zip", "wb").write(whole[:-2] + b"\x0b\x00PK\5\6comment")
pack("members.zip", [("a.json", shard), ("b.json", shard)])
lost = bytearray(open("members.zip", "rb").read())
lost[lost.index(b"PK\3\4", 4)] ^= 1  # of the second member
open("member-lost.zip", "wb").write(lost)
pack("empty-test.zip", splits("w")[:2] + [("w/wiki.test.tokens", "")])
for name in ("tree.tar.gz", "linked.tar"):
    with tarfile.open(name, "w:gz" if name.endswith("gz") else "w") as archive:
        for path, text in splits("w"):
            about = tarfile.TarInfo(path)
            if name == "linked.tar" and "valid" in path:
                about.type, about.linkname = tarfile.LNKTYPE, "w/wiki.train.tokens"
                archive.addfile(about)
            else:
                about.size = len(text.encode())
                archive.addfile(about, io.BytesIO(text.encode()))
packed = bytearray(open("tree.tar.gz", "rb").read())
packed[-8] ^= 1
open("changed.tar.gz", "wb").write(packed)
os.makedirs("outer/wikitext-103")
for path, text in splits("outer/wikitext-103"):
    open(path, "w").write(text)
PYTHON

# same_wiki INPUT SOURCE: gives the data that wikitext.zip gave, and says where they come from.
same_wiki() {
    works data prepare wikitext103 "$1" --out again-data --vocab-size 200 --force
    for file in train.bin valid.bin test.bin tokenizer.model; do same "wiki/$file" "again-data/$file"; done
    grep -qF "\"source\": \"$2\"" again-data/meta.json || problem "again-data/meta.json does not name $2"
}
same_wiki named.zip named.zip
same_wiki mac.zip mac.zip
same_wiki commented.zip commented.zip
same_wiki tree.tar.gz tree.tar.gz
same_wiki outer outer
same_wiki raw.zip 'raw.zip (raw edition)'
works data prepare c4 members.json.gz c4-train.00001.json.gz c4-validation.00000.json.gz --out members --vocab-size 200
same c4/train.bin members/train.bin
works data prepare c4 no-documents.json.gz c4-train.00000.json.gz no-documents.json c4-train.00001.json.gz \
    c4-validation.00000.json.gz --out members --vocab-size 200 --force
same c4/train.bin members/train.bin

for shard in changed member-cut member-changed; do
    fails 1 "cannot unpack $shard.json.gz: it is damaged, or cut off" \
        data prepare c4 "$shard.json.gz" c4-validation.00000.json.gz --out x
done
fails 1 'cannot unpack directory-cut.zip: it is cut off' data prepare wikitext103 directory-cut.zip --out x
fails 1 'members.zip holds more than one file' data prepare c4 members.zip plain-valid.json --out x
fails 1 'cannot unpack member-lost.zip: it is damaged' data prepare c4 member-lost.zip plain-valid.json --out x
fails 1 'cannot unpack changed.tar.gz: it is damaged, or cut off' data prepare wikitext103 changed.tar.gz --out x
fails 1 'wikitext-2/wiki.train.tokens and wikitext-103/wiki.train.tokens' data prepare wikitext103 two.zip --out x
fails 1 'w/wiki.valid.tokens only as a link' data prepare wikitext103 linked.tar --out x
for archive in no-test.zip empty-test.zip; do
    fails_early 1 "^sigmoe: $archive.*wiki.test.tokens" data prepare wikitext103 "$archive"
done
absent x

# A download is kept for another try unless it is what is wrong, or done.
fails 2 '5 tokens' data prepare wikitext103 "file://$PWD/wikitext.zip" --vocab-size 5 --out kept
ls kept.download-* >/dev/null || problem "the download is gone"
works data prepare wikitext103 "file://$PWD/wikitext.zip" --vocab-size 200 --out kept
fails 1 "cannot unpack file://$PWD/shard-b.json" data prepare wikitext103 "file://$PWD/shard-b.json" --out kept --force
if ls kept.download-* >/dev/null 2>&1; then problem "a download of no use is left"; fi

finish
