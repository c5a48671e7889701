#!/bin/sh
# Likelihoods of texts: what `forward` says of each token, for every variant and a document longer than the memory; the same bits
# whatever the lines beside one; and lines that make no sense.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data

cat >x.jsonl <<'JSONL'
{"context": "the man ", "continuation": "of"}
{"context": "the man ", "continuation": "which he said"}

{"continuation": "other words", "id": 7}
{"context": "the man that you said it was, when she could look at all of their time", "continuation": " and his"}
{"context": "the man that you said it was, when she could look at all of them", "continuation": " and his"}
{"context": "the man that you said it was", "continuation": ""}
JSONL
sed -i 's/, when/.\\nwhen/; s/was, /was /' x.jsonl
tr '\n' ' ' <data.txt | head -c 400 | sed 's/.*/{"text": "&"}/' >>x.jsonl
lines=7

# nats, tokens and greedy of each line, from the logits of `forward`.
cat >by_forward.py <<'PYTHON'
import json
import math
import sys
import vector_files
model, how = sys.argv[1:3]
alphabet = json.load(open(model + "/config.json"))["tokenizer"]["alphabet"]
items = [json.loads(line) for line in open("x.jsonl") if line.strip()]
pairs = [("\n", item["text"]) if "text" in item else (item.get("context") or "\n", item["continuation"]) for item in items]
ids = [[alphabet.index(byte) for byte in (a + b).encode()] for a, b in pairs]
longest = max(map(len, ids))
if how == "tokens":  # no token sees those behind it
    vector_files.write_npy_int32("tokens.npy", [row + [0] * (longest - len(row)) for row in ids])
    sys.exit()
_, (_, n, v), logits = vector_files.read_safetensors("logits.safetensors")["logits"]
near = float(how)
scores = [json.loads(line) for line in open(sys.argv[3] if len(sys.argv) > 3 else "scores")]
assert len(scores) == len(ids), scores
greedy = 0
for b, ((context, text), row, score) in enumerate(zip(pairs, ids, scores)):
    nats, most_probable = 0.0, True
    for i in range(len(context.encode()), len(row)):
        at = logits[(b * n + i - 1) * v:(b * n + i) * v]
        top = max(at)
        nats += math.log(sum(math.exp(x - top) for x in at)) + top - at[row[i]]
        most_probable &= at.index(top) == row[i]
    assert list(score) == ["nats", "tokens", "greedy"], score
    assert score["tokens"] == len(text.encode()), (b, score)
    assert abs(score["nats"] - nats) <= near * nats, (b, score, nats)
    assert score["greedy"] == most_probable or near > 1e-4, (b, score)
PYTHON
by_forward() { PYTHONPATH="$root/tests/oracle" PYTHONDONTWRITEBYTECODE=1 python3 by_forward.py "$@"; }

for set in "$DENSE" '"type": "topk", "d_ff": 24, "k": 5' '"type": "pkm", "n_subkeys": 4, "knn": 3, "activation": "relu"' \
    '"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "hash", "regularizer": "none"' "$MOE"; do
    rm -rf model
    write_config model.json "$set"
    make_model model model.json data
    # With bf16, rounding may change which experts or values are chosen.
    dtypes=f32
    [ "$set" != "$DENSE" ] || dtypes='f32 bf16'
    for dtype in $dtypes; do
        near=1e-5
        [ "$dtype" = f32 ] || near=0.01
        works score --model model --in x.jsonl --dtype "$dtype"
        cp stdout scores
        by_forward model tokens
        works forward --model model --tokens tokens.npy --out logits.safetensors --dtype "$dtype"
        by_forward model "$near" || problem "$dtype $set: forward says something else"
    done
    # In 8 bits the same weights are added up in another order.
    rm -rf small
    works quantize --model model --out small
    works score --model small --in x.jsonl --dtype int8
    mv stdout scores.int8
    works forward --model small --tokens tokens.npy --out logits.safetensors
    by_forward small 1e-4 scores.int8 || problem "int8 $set: forward says something else"
done

# The model is the last one from here on.
[ "$(wc -l <scores)" -eq "$lines" ] || problem "$(wc -l <scores) results of $lines lines"
works score --model model --in x.jsonl --threads 1 --quiet
same stdout scores
[ ! -s stderr ] || problem "--quiet: $(cat stderr)"
"$program" score --model model --in - <x.jsonl >stdout 2>stderr || problem "not from standard input: $(cat stderr)"
same stdout scores
works score --model model --in x.jsonl --out in_a_file
[ ! -s stdout ] || problem "--out, and yet on standard output: $(cat stdout)"
same in_a_file scores
grep -v '^$' x.jsonl | sed '1!G;h;$!d' >reversed.jsonl
works score --model model --in reversed.jsonl
sed '1!G;h;$!d' stdout >stdout.reversed
same stdout.reversed scores
i=0
grep -v '^$' x.jsonl | while IFS= read -r line; do
    i=$((i + 1))
    printf '%s' "$line" >one.jsonl
    "$program" score --model model --in one.jsonl 2>stderr
done >alone
same alone scores
: >none.jsonl
works score --model model --in none.jsonl
[ ! -s stdout ] || problem "results of nothing: $(cat stdout)"

# A text that generation makes greedily is greedy.
works generate --model model -p 'the man ' -n 4 --temperature 0 --no-echo --json
python3 -c '
import json
print(json.dumps({"context": "the man ", "continuation": json.load(open("stdout"))["text"]}))' >greedy.jsonl
works score --model model --in greedy.jsonl
grep -q '"tokens": 4, "greedy": true' stdout || problem "generated, and not greedy: $(cat stdout)"

# What makes no sense: the line is told, and nothing is left.
line() { # line PATTERN LINE: as the second line of a file
    printf '{"text": "the"}\n%s\n' "$2" >wrong.jsonl
    fails 1 "wrong.jsonl, line 2: $1" score --model model --in wrong.jsonl --out result
    absent result
}
line '"context": byte 0x23 \(#\), at offset 4' '{"context": "the # man", "continuation": "of"}'
line '"continuation": byte 0xc3, at offset 0' '{"continuation": "é"}'
line 'there is no "continuation", and no "text"' '{"context": "the"}'
line '"continuation" must be a text' '{"context": "the", "continuation": 3}'
line '"context" must be a text' '{"context": ["the"], "continuation": "man"}'
line 'unknown member "contxt"; did you mean "context"' '{"contxt": "the", "continuation": "man"}'
line 'column [0-9]+: ' '{"context": "the"'
line 'an object is needed' '["the"]'
printf '{"text": "#"}' | "$program" score --model model --in - >stdout 2>stderr && problem "scored what it does not know"
grep -q '^sigmoe: standard input, line 1: ' stderr || problem "standard input has no name: $(cat stderr)"
fails 1 'cannot read missing' score --model model --in missing
fails 1 'missing' score --model missing --in x.jsonl
fails 2 'needs --in X.jsonl|--in' score --model model
mkdir directory
fails 1 'directory' score --model model --in x.jsonl --out directory
cp -r model mute
rm mute/manifest.json
python3 - <<'PYTHON'
import json
config = json.load(open("model/config.json"))
config["tokenizer"] = {"type": "none"}
json.dump(config, open("mute/config.json", "w"))
PYTHON
fails 2 'no tokenizer' score --model mute --in x.jsonl

finish
