#!/bin/sh
# data prepare text: directories and patterns, what is taken of them and what is not, how files become splits, and how the splits
# score.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

# ---------------------------------------------------------------- a library of 40 books of different sizes

mkdir -p books/sub/deep books/.git books/bin
number=10
while [ "$number" -lt 50 ]; do
    make_text $((1500 + number * 37 % 400 * 10)) "books/$number.txt"
    echo "book $number" >>"books/$number.txt"
    number=$((number + 1))
done
mv books/2?.txt books/sub
mv books/3?.txt books/sub/deep
gzip -n books/sub/25.txt
touch books/empty.txt books/sub/empty
echo hidden >books/.hidden
echo hidden >books/.git/config
printf '\211PNG\r\n\032\n%s' "$(seq 200)" >books/cover.png
ln -s sub books/link
ln -s sub/26.txt books/again.md
ln -s nowhere books/dangling
mkfifo books/pipe
works data prepare text books/10.txt --out books/bin/data

# check_data DIR PYTHON: the expression over meta, files (the lines of files.jsonl) and text(SPLIT) must be true.
check_data() {
    python3 - "$@" <<'PYTHON' || problem "$1: not $2"
import gzip, json, os, sys
directory, expression = sys.argv[1:]
meta = json.load(open(f"{directory}/meta.json"))
path = f"{directory}/files.jsonl"
files = [json.loads(line) for line in open(path)] if os.path.exists(path) else None


def text(split):
    raw = open(f"{directory}/{split}.bin", "rb").read()[1024:]
    return bytes(meta["tokenizer"]["alphabet"][raw[i]] for i in range(0, len(raw), 2))


def raw(path):
    return gzip.open(path).read() if path.endswith(".gz") else open(path, "rb").read()


def of(split):
    return [line["file"] for line in files if line["split"] == split]


def share(split):
    sizes = meta["splits"]
    return sizes[split]["bytes"] / sum(s["bytes"] for s in sizes.values())


assert eval(expression)
PYTHON
}

rm books/again.md
works data prepare text books --out whole
grep -q 'took 40 files, from books/10.txt to books/sub/deep/39.txt; skipped: hidden (2), empty (2), links to directories or to nothing (2), neither files nor directories (1), directories that sigmoe made (1), no text (1: books/cover.png is a PNG picture' \
    stderr || problem "it is not said what was taken: $(cat stderr)"
grep -qE 'each whole in one split, in a shuffled order: train [0-9]+ \(.* %' stderr || problem "it is not said how the files were split"
check_data whole 'meta["split_by"] == "shuffle-files" and meta["source"] == "text: books (40 files)"'
check_data whole 'len(files) == 40 and sorted({l["file"] for l in files})[12:16] == ["books/42.txt", "books/43.txt", "books/44.txt", "books/45.txt"]'
check_data whole 'all(text(s) == b"".join(map(raw, of(s))) for s in ("train", "valid", "test"))'
check_data whole 'all(len(of(s)) == meta["splits"][s]["files"] for s in ("train", "valid", "test"))'
check_data whole 'all(l["bytes"] == len(raw(l["file"])) for l in files)'
check_data whole 'abs(share("valid") - 0.05) < 0.006 and abs(share("test") - 0.05) < 0.006'
check_data whole 'of("train") != sorted(of("train"))'
grep -q 'split by whole files, shuffled' stdout || problem "the summary does not say how it was split"
works data prepare text books --out again
same whole again

# A pattern takes the same as a shell's names do; ** any directory, and each file once.
ln -s sub/26.txt books/again.md
works data prepare text books/*.txt books/sub/*.txt --out shell
works data prepare text 'books/*.txt' 'books/sub/*.txt' --out pattern
for file in train.bin valid.bin test.bin; do same "shell/$file" "pattern/$file"; done
works data prepare text 'books/**/*.txt' --out below
check_data below 'len(files) == len({l["file"] for l in files}) == 39 and meta["source"] == "text: books/**/*.txt (39 files)"'
works data prepare text 'books/**/*' --out everything # also directories match, with all that is in them
check_data everything 'len(files) == len({l["file"] for l in files}) == 41'
works data prepare text "$work/books/**/3[0-4].txt" --out absolute --split shuffle-files
check_data absolute 'sorted(os.path.basename(l["file"]) for l in files) == [f"3{i}.txt" for i in range(5)]'
works data prepare text 'books/s*' --out folders
check_data folders 'len(files) == 20'
works data prepare text books --out linked
check_data linked 'len(files) == 41'
grep -q 'warning: books/.* are the same file' stderr || problem "no warning of a link to a file that is there, too"
rm books/again.md
touch 'books/[1].txt' && cp books/10.txt 'books/[1].txt'
works data prepare text 'books/[1].txt' books/11.txt books/12.txt --out literal
check_data literal 'meta["source"] == "text: books/[1].txt books/11.txt books/12.txt"'
rm 'books/[1].txt'

fails 1 'no file matches books/\*\.md' data prepare text 'books/*.md' --out x
fails 1 'no file matches nowhere/\*' data prepare text 'nowhere/*' --out x
fails 1 'books/.git holds no file to take|no file' data prepare text books/bin --out x
fails 1 'whole is a directory that sigmoe made' data prepare text whole --out x
mkdir pictures && cp books/cover.png pictures
fails 1 'no text in what was given; the first file: pictures/cover.png is a PNG' data prepare text pictures --out x
works data prepare text pictures --raw --out raw
fails 1 'cover.png is a PNG picture' data prepare text books/10.txt books/cover.png --out x
fails 2 'books holds the input|holds the input' data prepare text books --out books --force
deep=deep
for level in 0 1 2 3 4 5 6 7 8 9; do deep=$deep/$level/a/b/c/d/e/f/g/h/i; done
mkdir -p "$deep" && cp books/10.txt "$deep"
fails 2 'more than 100 directories deep' data prepare text deep --out x
absent x

# ---------------------------------------------------------------- how files become splits

# Few files, or one that is most of all: as one text, unless whole files are asked for.
works data prepare text books/10.txt books/11.txt books/12.txt --out few
grep -q 'at 90 and 95 % of the bytes, the 3 files in their order, since whole files' stderr || problem "few files: $(cat stderr)"
check_data few 'meta["split_by"] == "sequential" and files is None and "files" not in meta["splits"]["train"]'
check_data few 'text("train") + text("valid") + text("test") == b"".join(raw(f"books/{i}.txt") for i in (10, 11, 12))'
works data prepare text books/10.txt books/11.txt books/12.txt --out few --split shuffle-files --force
check_data few 'all(len(of(s)) == 1 for s in ("train", "valid", "test"))'
make_text 500000 large.txt
works data prepare text large.txt books --out large
check_data large 'meta["split_by"] == "shuffle-files"' # 80 % in one file: it is train's
check_data large '"large.txt" in of("train") and abs(share("valid") - 0.05) < 0.01'
works data prepare text books --out sequential --split sequential
check_data sequential 'meta["split_by"] == "sequential" and text("train").startswith(raw("books/10.txt"))'
fails 2 '2 files cannot make .* --split sequential' data prepare text books/10.txt books/11.txt --split shuffle-files --out x
fails 2 '1 file cannot make' data prepare text books/10.txt --split shuffle-files --out x
fails 2 'splits of its own' data prepare enwik8 books/10.txt --split sequential --out x
fails 2 'split' data prepare text books --split files --out x
absent x
# A split begins where a file does, even if that is inside of a character.
mkdir odd
for number in 1 2 3 4; do { printf '\200\201%s' "$number" && cat "books/1$number.txt"; } >"odd/$number"; done
works data prepare text odd --out odd-data --split shuffle-files
check_data odd-data 'all(text(s) == b"".join(map(raw, of(s))) for s in ("train", "valid", "test"))'
# Pieces are split at the same places, and --force replaces what has a list of files.
works data prepare text books --tokenizer sentencepiece --vocab-size 150 --out pieces
same whole/files.jsonl pieces/files.jsonl
python3 - <<'PYTHON' || problem "the splits of files depend on the tokenizer"
import json
pieces, bytes_ = (json.load(open(f"{d}/meta.json")) for d in ("pieces", "whole"))
own = {"tokens": 0, "shards": []}
for split in "train", "valid", "test":
    assert {**pieces["splits"][split], **own} == {**bytes_["splits"][split], **own}, split
assert pieces["split_by"] == "shuffle-files" and pieces["ngram"]["unit"] == "bits/token" and bytes_["ngram"]["unit"] == "bits/char"
PYTHON
rm whole/.sigmoe # as one of version 0.1
works data prepare text large.txt --out whole --force
[ ! -e whole/files.jsonl ] || problem "--force left the list of files"

# ---------------------------------------------------------------- scores of splits

# Counted by hand: small enough that nothing is a sample but the tenth of train that is held out.
python3 - <<'PYTHON'
import random
random.seed(3)
text, words = "", ["Änne", "sah", "die", "Mühle", "am", "Bach", "und", "ging", "weiter", "ohne", "Grüße"]
while len(text.encode()) < 30000:
    text += random.choice(words) + random.choice(" \n")
open("umlauts.txt", "wb").write(text.encode())
open("noise.txt", "w").write("jkl abc " * 7125 + "".join(random.choice("abcjkl ") for i in range(3000)))
PYTHON
works data prepare text umlauts.txt --out umlauts
cat >score.py <<'PYTHON'
import json, math
from collections import Counter, defaultdict
meta = json.load(open("umlauts/meta.json"))
alphabet = meta["tokenizer"]["alphabet"]
splits = {}
for name in "train", "valid", "test":
    raw = open(f"umlauts/{name}.bin", "rb").read()[1024:]
    splits[name] = [raw[i] for i in range(0, len(raw), 2)]

def blocks(ids):
    length = len(ids) // 100
    return [ids[i * length:(i + 1) * length] for i in range(100)]

train = blocks(splits["train"])
counted = sum((b for i, b in enumerate(train) if i % 10 != 5), [])
followers = [defaultdict(Counter) for _ in range(3)]
for i in range(len(counted)):
    for k in range(min(i, 2) + 1):
        followers[k][tuple(counted[i - k:i])][counted[i]] += 1

def probability(order, context, token):
    shorter = probability(order - 1, context[1:], token) if order else 1 / len(alphabet)
    seen = followers[order].get(tuple(context))
    return (seen[token] + len(seen) * shorter) / (seen.total() + len(seen)) if seen else shorter

def score(order, parts):
    bits = characters = 0
    for part in parts:
        for i in range(1, len(part)):
            context = part[max(0, i - order):i]
            bits -= math.log2(probability(len(context), context, part[i]))
        characters += len(bytes(alphabet[t] for t in part[1:]).decode(errors="surrogateescape"))
    return bits / characters

assert meta["ngram"]["counted"] == len(counted) and meta["ngram"]["unit"] == "bits/char"
parts = {"train": train[5::10], "valid": blocks(splits["valid"]), "test": blocks(splits["test"])}
for name in parts:
    got = meta["ngram"][name]
    assert got["tokens"] == sum(len(p) - 1 for p in parts[name]), (name, got)
    for order, key in (1, "bigram"), (2, "trigram"):
        assert math.isclose(got[key], score(order, parts[name]), rel_tol=1e-9), (name, key, got, score(order, parts[name]))
PYTHON
python3 score.py || problem "the scores of the splits are wrong"
! grep -q unlike stderr || problem "splits that are alike are called unlike: $(cat stderr)"
works data prepare text noise.txt --out noise
grep -qE 'warning: valid and test are unlike each other, trigrams of train have [0-9.]+ and [0-9.]+ bits/char on them' stderr ||
    problem "no warning of unlike splits: $(cat stderr)"

finish
