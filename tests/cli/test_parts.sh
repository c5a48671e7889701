#!/bin/sh
# Scores of a part of a split are those of its own text: of a split whose head is 3-byte characters in long words and whose tail
# is ASCII in short ones, whatever scores it (eval, validations, compare's models, its n-gram), against a count of the text.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

python3 - <<'PYTHON'
ascii_part = ("a b c d e\n" * 2500).encode()
wide_part = (("日本語の長い言葉" * 3 + " ") * 700).encode()
# 90, 5 and 5 %: each of the last two begins wide and ends in ASCII.
tail = wide_part[:750] + ascii_part[:2250]
open("mixed.txt", "wb").write((wide_part + ascii_part * 2)[:54000] + tail + tail)
PYTHON
works data prepare text mixed.txt --out data
config_for() {
    vocab=$(sed -n 's/.*"vocab_size": *\([0-9]*\).*/\1/p' "$1/meta.json" | head -n 1)
    write_config "$2" "$MOE" 0
}
config_for data moe.json
cat >check.py <<'PYTHON'
import json, math, sys
data = sys.argv[1]
meta = json.load(open(f"{data}/meta.json"))

def text(split):
    ids = open(f"{data}/{split}.bin", "rb").read()[1024:]
    alphabet = meta["tokenizer"]["alphabet"]
    return bytes(alphabet[ids[i] + 256 * ids[i + 1]] for i in range(0, len(ids), 2))

def characters(part):
    # A byte of a character that is cut is one of its own.
    return len(part.decode(errors="surrogateescape"))

def check(got, split, what, of_part=True):
    """Of a part the tokens behind the first are scored, and all counts are of these."""
    part = text(split)
    if of_part:
        part = part[1:1 + got["tokens"]]
    total = got["nats_per_token"] * len(part)
    for key, want in (("bits_per_byte", total / math.log(2) / len(part)),
                      ("bits_per_char", total / math.log(2) / characters(part)),
                      ("word_perplexity", math.exp(total / (len(part.split()) + part.count(b"\n"))))):
        if not math.isclose(got[key], want, rel_tol=1e-6):
            sys.exit(f"{what}: {key} is {got[key]}, not {want}")
PYTHON
checked() { PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=. python3 -c "
import sys, json
sys.argv[1:] = ['data']
from check import *
$1" || problem "$2"; }

works train --config moe.json --data data --out run --batch 2 --steps 4 --valid-every 2 --valid-tokens 400
checked 'for line in open("run/valid.jsonl"): check(json.loads(line), "valid", "a validation")' 'validations on a part'
scored() { # PART OPTIONS
    # shellcheck disable=SC2086
    works eval --model run --data data --split test $2 --json
    checked "check(json.load(open('stdout')), 'test', 'eval $2', $1)" "eval $2"
}
for options in '--limit-tokens 401' '--limit-tokens 402 --batch 1' '--limit-tokens 1200 --batch 3' '--limit-tokens 2998 --batch 1' \
    '--limit-tokens 300 --batch 1 --stride 5 --memory-segments 0'; do scored True "$options"; done
for options in '' '--limit-tokens 2999 --batch 1' '--limit-tokens 100000'; do scored False "$options"; done

works compare --data data --base ./moe.json --variants dense --steps 2 --batch 2 --test-tokens 500 --valid-tokens 300 --out compared
checked '
result, ngram = (json.load(open(f"compared/{name}")) for name in ("runs/dense-seed0/result.json", "ngram.json"))
for split in "valid", "test":
    check(result[split], split, f"compare, {split}")
    check(ngram[split], split, f"the n-gram, {split}")
check(ngram["validation"], "valid", "the n-gram, validation")
' "scores of compare on a part"

# What the description does not count is not counted of a part either.
cp -r data bare
python3 - <<'PYTHON'
import json
meta = json.load(open("bare/meta.json"))
del meta["splits"]["test"]["chars"]
json.dump(meta, open("bare/meta.json", "w"))
PYTHON
works eval --model run --data bare --limit-tokens 400 --json
for key in bits_per_byte word_perplexity; do grep -q "$key" stdout || problem "a part of data without chars has no $key"; done
! grep -q bits_per_char stdout || problem 'a part of data without chars has bits per character'

# Pieces do not tell how much of the text they were.
works data prepare text mixed.txt --tokenizer sentencepiece --vocab-size 60 --out pieces
config_for pieces pieces.json
works train --config pieces.json --data pieces --out pieces.run --batch 2 --steps 1
works eval --model pieces.run --data pieces --json
for key in bits_per_char bits_per_byte word_perplexity; do grep -q "$key" stdout || problem "pieces have no $key"; done
works eval --model pieces.run --data pieces --limit-tokens 100 --json
! grep -qE 'bits_per_char|bits_per_byte|word_perplexity' stdout || problem "a part of pieces has $(cat stdout)"

finish
