#!/bin/sh
# The n-gram of a comparison: its order and scores against a count of the tokens in Python, for texts that differ in how far one
# has to look back, for bytes and for pieces; ngram.json is read again, and made again if it is of an older version.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

cat >check.py <<'PYTHON'
import json, math, sys
from collections import Counter, defaultdict
data, out, expected = sys.argv[1:]
MOST_ORDER, STREAMS, VALIDATION, FINAL = 5, 4, 300, 500
BATCH, READ = 2, 500 * 12 # steps times unroll, of each stream of the training

def tokens(split):
    raw = open(f"{data}/{split}.bin", "rb").read()[1024:]
    return [raw[i] + 256 * raw[i + 1] for i in range(0, len(raw), 2)]

vocabulary = json.load(open(f"{data}/meta.json"))["vocab_size"]
followers = [defaultdict(Counter) for _ in range(MOST_ORDER + 1)]
train = tokens("train")
length = (len(train) - 1) // BATCH
part = min(READ, length)
text = [token for s in range(BATCH) for token in train[s * length:s * length + part + (s == BATCH - 1)]]
for i, token in enumerate(text):
    for k in range(min(i, MOST_ORDER) + 1):
        followers[k][tuple(text[i - k:i])][token] += 1

def probability(order, history, token):
    shorter = probability(order - 1, history, token) if order else 1 / vocabulary
    seen = followers[order][tuple(history[len(history) - order:])] if order <= len(history) else None
    if not seen:
        return shorter
    return (seen[token] + len(seen) * shorter) / (seen.total() + len(seen))

def nats(order, split, limit):
    text = tokens(split)
    scored = min(limit, len(text) - 1) // STREAMS * STREAMS
    history = lambda i: text[max(0, i - MOST_ORDER):i]
    return sum(-math.log(probability(order, history(i), text[i])) for i in range(1, scored + 1)) / scored

ngram, table = (json.load(open(f"{out}/{name}.json")) for name in ("ngram", "table"))
best = min(range(1, MOST_ORDER + 1), key=lambda order: nats(order, "valid", FINAL))
assert ngram["order"] == table["ngram"]["order"] == best == int(expected), (ngram["order"], best, expected)
for name, split, limit in ("validation", "valid", VALIDATION), ("valid", "valid", FINAL), ("test", "test", FINAL):
    want = nats(best, split, limit)
    assert math.isclose(ngram[name]["nats_per_token"], want, rel_tol=1e-9), (name, ngram[name], want)
for split in "valid", "test":
    assert table["ngram"][split] == ngram[split]
assert ngram["counted_tokens"] == len(text) and ngram["steps"] == 500, (ngram, len(text))
assert f"order-{best} n-gram" in open(f"{out}/table.txt").read()
assert open(f"{out}/table.csv").read().splitlines()[-1].startswith(f"order-{best} n-gram,")
assert f"order-{best} n-gram" in open(f"{out}/report.html").read()
PYTHON
# counted DATA OUT ORDER
counted() { python3 check.py "$@" || problem "the n-gram of $1 is wrong"; }

# Letters that only the one before decides, and words that only a long look back tells apart.
python3 - <<'PYTHON'
import random
random.seed(1)
letters = "abcdefgh"
text = "a"
for i in range(20000):
    text += letters[(letters.index(text[-1]) + random.choice((1, 1, 1, 2, 3))) % 8]
open("short.txt", "w").write(text)
words = ["aaaab", "aaaac", "aaaad", "baaae", "caaaf"]
open("long.txt", "w").write("".join(words[i % 5] for i in range(4000)))
PYTHON
vocab=8
config() {
    vocab=$(sed -n 's/.*"vocab_size": *\([0-9]*\).*/\1/p' "$1/meta.json" | head -n 1)
    write_config "$1.json" "$MOE" 0
}
compare() { # DATA WORD...
    data=$1
    shift
    works compare --data "$data" --base "./$data.json" --variants dense --steps "${steps:-500}" --batch 2 --test-tokens 500 \
        --valid-tokens 300 --seeds 1 --out "$data.run" "$@"
}
make_text 60000 pieces.txt
works data prepare text short.txt --out short
works data prepare text long.txt --out long
works data prepare text pieces.txt --tokenizer sentencepiece --vocab-size 400 --out pieces
for data in short long pieces; do config "$data"; done
[ "$vocab" -gt 256 ] || problem "pieces has only $vocab tokens"
compare short
counted short short.run 3
compare long
counted long long.run 5
compare pieces
counted pieces pieces.run 1

# A finished one is read, one without its steps counted again, a damaged one refused.
cp long.run/ngram.json whole.json
sed 's/"nats_per_token": [0-9.e-]*/"nats_per_token": 0.5/' whole.json >long.run/ngram.json
compare long --resume
grep -q '"nats_per_token": 0.5' long.run/ngram.json || problem "a finished n-gram was counted again"
grep -v '"steps"' whole.json >long.run/ngram.json
compare long --resume
same whole.json long.run/ngram.json
counted long long.run 5
sed 's/"order": 5/"order": 6/' whole.json >long.run/ngram.json
fails 1 'long.run/ngram.json .*: "order" must be in 1..5' compare --resume --out long.run
# Fewer steps read less.
cp whole.json long.run/ngram.json
steps=20 compare long --resume
grep -q '"counted_tokens": 481' long.run/ngram.json || problem "after 20 steps: $(cat long.run/ngram.json)"

finish
