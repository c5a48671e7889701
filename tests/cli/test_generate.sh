#!/bin/sh
# Text from models: what is printed and what is not, the same text whatever the threads, greedily what `forward` says, and prompts
# and options that make no sense.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE"
make_model model moe.json data

# Prompt and continuation, nothing else; as many tokens as asked for, of which each is a byte here.
works generate --model model --prompt 'the man ' --max-tokens 30 --seed 1
head -c 8 stdout >begin
printf 'the man ' >expected
same begin expected
[ "$(wc -c <stdout)" -eq 38 ] || problem "30 tokens behind 8 bytes are $(wc -c <stdout) bytes"
[ ! -s stderr ] || problem "a streamed text came with $(cat stderr)"
cp stdout text
for options in '--threads 1' '--threads 3' --no-stream '--batch 3'; do
    # shellcheck disable=SC2086  # words are words
    works generate --model model -p 'the man ' -n 30 --seed 1 $options
    same stdout text
done
works generate --model model -p 'the man ' -n 30 --seed 1 --no-echo
tail -c 30 text >expected
same stdout expected
works generate --model model -p 'the man ' -n 30 --seed 2
! cmp -s stdout text || problem "the seed has no effect"
printf 'the man ' >prompt.txt
works generate --model model -f prompt.txt -n 30 --seed 1
same stdout text
"$program" generate --model model -f - -n 30 --seed 1 <prompt.txt >stdout || problem "no prompt from standard input"
same stdout text
"$program" generate --model model -n 30 --seed 1 <prompt.txt >stdout || problem "standard input is not read by default"
same stdout text
works generate --model model -p 'the man ' -n 0
same stdout prompt.txt

# An empty prompt is a newline.
works generate --model model -p '' -n 30 --seed 1
cp stdout empty
printf '\n' >newline
works generate --model model -f newline -n 30 --seed 1 --no-echo
same stdout empty
"$program" generate --model model -n 30 --seed 1 </dev/null >stdout || problem "no empty prompt"
same stdout empty

# Many prompts: each as alone, in their order.
printf 'the man \n\nof\nyou ' >prompts
works generate --model model --prompts prompts -n 30 --seed 1 --json --quiet
cp stdout lines
[ ! -s stderr ] || problem "--quiet: $(cat stderr)"
works generate --model model --prompts prompts -n 30 --seed 1 --json --batch 1 --threads 1
same stdout lines
works generate --model model --prompts prompts -n 30 --seed 1
cp stdout texts
"$program" generate --model model --prompts - -n 30 --seed 1 --quiet <prompts >stdout || problem "no prompts from standard input"
same stdout texts
python3 - <<'PYTHON' || problem "the JSON lines are wrong"
import json
lines = [json.loads(line) for line in open("lines")]
assert [line["prompt"] for line in lines] == ["the man ", "", "of", "you "], lines
assert all(line["tokens"] == 30 == len(line["text"]) and not line["stopped"] for line in lines), lines
assert [line["prompt_tokens"] for line in lines] == [8, 1, 2, 4], lines
assert lines[0]["prompt"] + lines[0]["text"] == open("text").read()
assert lines[1]["text"] == open("empty").read()
assert "".join(line["prompt"] + line["text"] + "\n" for line in lines) == open("texts").read()
PYTHON
works generate --model model -p 'the man ' -n 30 --seed 1 --json
valid_json stdout

# It ends before a stop text, which may need several tokens.
python3 - <<'PYTHON' >stop
print(open("text").read()[8 + 10:8 + 12], end="")
PYTHON
works generate --model model -p 'the man ' -n 30 --seed 1 --stop nowhere --stop "$(cat stop)" --no-echo
python3 - <<'PYTHON' || problem "--stop: $(cat stdout)"
text, stop = open("text").read()[8:], open("stop").read()
assert open("stdout").read() == text[:text.index(stop)]
PYTHON

# The most probable token, each time, is what `forward` finds when it is given the text; its segments have 12 tokens here.
for set in "$DENSE" '"type": "topk", "d_ff": 24, "k": 5' '"type": "pkm", "n_subkeys": 4, "knn": 3, "activation": "relu"' \
    "$MOE" '"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "hash", "regularizer": "none"' \
    '"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "random", "regularizer": "none"'; do
    rm -rf greedy
    write_config greedy.json "$set"
    make_model greedy greedy.json data
    # With bf16, rounding may change which experts or values are chosen.
    dtypes=f32
    [ "$set" != "$DENSE" ] || dtypes='f32 bf16'
    for dtype in $dtypes; do
        works generate --model greedy -p 'the man ' -n 50 --temperature 0 --dtype "$dtype"
        cp stdout greedy.txt
        PYTHONPATH="$root/tests/oracle" PYTHONDONTWRITEBYTECODE=1 python3 - <<'PYTHON'
import json
import vector_files
alphabet = json.load(open("greedy/config.json"))["tokenizer"]["alphabet"]
vector_files.write_npy_int32("greedy.npy", [[alphabet.index(b) for b in open("greedy.txt", "rb").read()]])
PYTHON
        works forward --model greedy --tokens greedy.npy --out greedy.safetensors --dtype "$dtype"
        PYTHONPATH="$root/tests/oracle" PYTHONDONTWRITEBYTECODE=1 python3 - "$dtype" <<'PYTHON' || problem "$dtype $set: forward says something else"
import json
import sys
import vector_files
alphabet = json.load(open("greedy/config.json"))["tokenizer"]["alphabet"]
text = [alphabet.index(b) for b in open("greedy.txt", "rb").read()]
_, (_, n, v), logits = vector_files.read_safetensors("greedy.safetensors")["logits"]
near = 1e-5 if sys.argv[1] == "f32" else 0.05
assert n == len(text) - 1 == 57
for i in range(7, n):
    row = logits[i * v:i * v + v]
    assert row[text[i + 1]] >= max(row) - near, (i, row)
PYTHON
    done
done

# Bytes that are no characters.
python3 - <<'PYTHON'
import random
random.seed(1)
open("bytes.txt", "wb").write(bytes(random.choice([0x61, 0xc3, 0xa9, 0xff, 0x00, 0x0a]) for _ in range(20000)))
PYTHON
works data prepare text bytes.txt --out bytes --raw
vocab=6
write_config bytes.json "$DENSE"
make_model odd bytes.json bytes
works generate --model odd -p 'a' -n 300 --seed 1
python3 - <<'PYTHON' || problem "wrong bytes are not shown as they should be"
text = open("stdout", "rb").read().decode()
assert "\ufffd" in text and "\x00" in text and "\u00e9" in text and set(text) <= set("a\u00e9\ufffd\x00\n\u00c3"), set(text)
PYTHON
works generate --model odd -p 'a' -n 300 --seed 1 --json
valid_json stdout
grep -q '\\u0000' stdout || problem "a zero byte ends the text in JSON"

# What makes no sense.
generate() { # generate STATUS PATTERN WORD...
    expected_status=$1 expected_words=$2
    shift 2
    fails "$expected_status" "$expected_words" generate --model model "$@"
    [ ! -s stdout ] || problem "generate $*: printed $(cat stdout)"
}
generate 2 'byte 0x23 \(#\), at offset 4' -p 'the # man'
printf 'the man\nthe #\n' >wrong
generate 2 'prompt 2: byte 0x23' --prompts wrong
generate 2 'give one of' -p a -f prompt.txt
generate 1 'cannot read missing' -f missing
generate 1 'cannot read missing' --prompts missing
generate 1 'cannot read .*directory' -f .
generate 2 '\-\-temperature must be at least 0|\-\-temperature must be 0\.\.' -p a --temperature -1
generate 2 '\-\-top-p is 0; it must be above 0' -p a --top-p 0
generate 2 '\-\-top-p must be 0..1, not 2' -p a --top-p 2
generate 2 '\-\-repetition-penalty is 0' -p a --repetition-penalty 0
generate 2 'an empty --stop' -p a --stop ''
generate 2 '\-\-batch must be 1..8' -p a --batch 9
generate 2 '\-\-max-tokens must be' -p a -n -1
generate 2 '\-\-max-tokens needs a value' -p a -n
generate 2 'two dashes' -p a -x
generate 2 'did you mean --max-tokens' -p a --max-new-tokens 3
fails 1 missing generate --model missing -p a
cp -r model mute
rm mute/manifest.json
python3 - <<'PYTHON'
import json
config = json.load(open("model/config.json"))
config["tokenizer"] = {"type": "none"}
json.dump(config, open("mute/config.json", "w"))
PYTHON
fails 2 'no tokenizer' generate --model mute -p a
: >none
works generate --model model --prompts none
[ ! -s stdout ] || problem "no prompts, but a text"

# A text that does not arrive.
status=0
"$program" generate --model model -p 'the ' -n 100000 >/dev/full 2>stderr || status=$?
[ "$status" -eq 141 ] || [ "$status" -eq 1 ] || problem "a full disk behind the text: exit status $status"
status=0
{ "$program" generate --model model -p 'the ' -n 100000000 2>stderr || echo $? >status; } | head -c 100 >/dev/null
[ "$(cat status)" = 141 ] || problem "nobody reads: exit status $(cat status), $(cat stderr)"

finish
