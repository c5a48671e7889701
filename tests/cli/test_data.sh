#!/bin/sh
# data prepare: what it makes, and what it refuses.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

make_text 20000 a.txt
make_text 3000 b.txt
works data prepare text a.txt --out data
for file in train.bin valid.bin test.bin meta.json; do [ -s "data/$file" ] || problem "data/$file is missing"; done
valid_json data/meta.json
python3 - data a.txt <<'PYTHON' || problem "the prepared data are wrong"
import hashlib, json, struct, sys
directory, source = sys.argv[1:]
meta = json.load(open(f"{directory}/meta.json"))
raw = open(source, "rb").read()
alphabet = sorted(set(raw))
assert meta["tokenizer"] == {"type": "bytes", "alphabet": alphabet}, meta["tokenizer"]
assert meta["vocab_size"] == len(alphabet)
text = b""
for split in ("train", "valid", "test"):
    data = open(f"{directory}/{split}.bin", "rb").read()
    magic, version, count = struct.unpack("<3i", data[:12])
    assert (magic, version) == (20240520, 1) and len(data) == 1024 + 2 * count
    part = bytes(alphabet[t] for t in struct.unpack(f"<{count}H", data[1024:]))
    sizes = meta["splits"][split]
    assert sizes["tokens"] == sizes["bytes"] == count and sizes["chars"] == len(part.decode()), (split, sizes)
    assert sizes["words"] == len(part.split()) + part.count(b"\n"), (split, sizes)
    assert len(sizes["sha256"]) == 64
    text += part
assert text == raw
PYTHON

# The summary, and the next command, which takes a name that a shell would take apart.
works data prepare text a.txt --out 'with space'
for line in 'vocabulary: 25 bytes; split at 90 and 95 % of the bytes' 'train +18,001 +18,001 +[0-9.]+ +[0-9.]+' 'valid +1,000 +1,000 +[0-9.]+ +[0-9.]+' \
    "next: sigmoe compare .* --data 'with space'" "or: sigmoe train .* --data 'with space'"; do
    grep -qE "$line" stdout || problem "the summary has no line \"$line\": $(cat stdout)"
done
! grep -q unlike stderr || problem "equal splits are called unlike: $(cat stderr)"
sh -c "$(sed -n "s|.*or: sigmoe \(.*\) --out RUN|'$program' \1 --out trained --steps 1 --batch 1|p" stdout)" >/dev/null 2>stderr ||
    problem "the command of the summary does not work: $(cat stderr)"

works data prepare text a.txt b.txt --out both
works data prepare text a.txt --out again
same data again
fails 2 'data.*exists|exists.*data' data prepare text b.txt --out data
same data again
works data prepare text b.txt --out again --force
! diff -q data/train.bin again/train.bin >/dev/null || problem "--force did not replace the data"

# What is read, or is no remains of ours, stays whatever its name.
cp a.txt corpus.partial
fails 2 'corpus.partial holds the input' data prepare text corpus.partial --out corpus
fails 2 'corpus.partial is in the way' data prepare text a.txt --out corpus
fails 2 'corpus.partial is in the way' data prepare text a.txt --out corpus --force
same a.txt corpus.partial

fails 2 'needs a kind' data prepare --out x
fails 2 'did you mean text' data prepare txt a.txt --out x
fails 2 'at least one file' data prepare text --out x
fails 2 'one file at most' data prepare enwik8 a.txt b.txt --out x
fails 2 'needs --out' data prepare text a.txt
fails 1 'missing.txt' data prepare text missing.txt --out x
: >empty.txt
fails 1 empty data prepare text empty.txt --out x
printf x >one.txt
for tokenizer in bytes sentencepiece; do
    fails 1 'one.txt has 1 byte, too few for a train' data prepare text one.txt --tokenizer "$tokenizer" --out x
done
awk 'BEGIN { for (i = 0; i < 100; i++) printf "\342\226\205" }' >block.txt
fails 1 'on block.txt: in each of its lines is U\+2585' data prepare text block.txt --tokenizer sentencepiece --out x
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "word " }' >long.txt
fails 1 'long.txt has no sentence' data prepare text long.txt --tokenizer sentencepiece --out x
# The number that is said to do does, and no smaller one.
fails 2 'on a.txt: .* needs at least [0-9]+ tokens' data prepare text a.txt --tokenizer sentencepiece --vocab-size 1 --out x
least=$(sed -n 's/.*at least \([0-9]*\) tokens.*/\1/p' stderr)
fails 2 "at least $least " data prepare text a.txt --tokenizer sentencepiece --vocab-size $((least - 1)) --out x
works data prepare text a.txt --tokenizer sentencepiece --vocab-size "$least" --out least
fails 1 . data prepare enwik8 a.txt --out x
fails 1 missing data prepare gcide missing.deb --out x
head -c 3000 /dev/zero >zero.deb
fails 1 . data prepare gcide zero.deb --out x
fails 1 . data prepare text a.txt --out /proc/nowhere
absent x
# Directories that were made for the output go with it, those that were there stay.
mkdir -p there/empty
fails 1 'missing.txt' data prepare text missing.txt --out new/a/b
fails 1 'missing.txt' data prepare text missing.txt --out ./there/empty//c/d
absent new there/empty/c
[ -d there/empty ] || problem "a directory that was there before is gone"
works data prepare text a.txt --out new/a/b

finish
