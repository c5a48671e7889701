#!/bin/sh
# Tokens of texts and texts of tokens, with bytes and with SentencePiece: there and back, line by line or as a whole, and what
# makes no sense.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config model.json "$DENSE"
make_model model model.json data
works data prepare text data.txt --out pieces --tokenizer sentencepiece --vocab-size 100
head -n 40 data.txt >text

# Bytes: each is a token, its place in the alphabet.
works tokenize --model model --text 'the man'
cp stdout ids
python3 - <<'PYTHON' || problem "wrong tokens: $(cat ids)"
import json
alphabet = json.load(open("model/config.json"))["tokenizer"]["alphabet"]
assert open("ids").read() == " ".join(str(alphabet.index(b)) for b in b"the man") + "\n"
PYTHON
works tokenize --data data -t 'the man'
same stdout ids
printf 'the man' >words
works tokenize --model model words
same stdout ids
"$program" tokenize --model model <words >stdout || problem "no text from standard input"
same stdout ids
works tokenize --model model --text 'the man' --json
python3 - <<'PYTHON' || problem "--json: $(cat stdout)"
import json
assert json.load(open("stdout")) == {"ids": [int(i) for i in open("ids").read().split()]}
PYTHON
works tokenize --model model --text ''
[ "$(wc -c <stdout)" -eq 1 ] || problem "tokens of nothing: $(cat stdout)"

# There and back.
works tokenize --model model text
cp stdout ids
[ "$(wc -l <ids)" -eq 1 ] || problem "a text has $(wc -l <ids) lines of tokens"
works detokenize --model model ids
same stdout text
"$program" tokenize --data data <text | "$program" detokenize --data data >stdout || problem "not through a pipe"
same stdout text
works tokenize --model model --lines text
cp stdout ids
[ "$(wc -l <ids)" -eq 40 ] || problem "40 lines have $(wc -l <ids) lines of tokens"
works detokenize --model model --lines ids
same stdout text
works tokenize --model model --lines --json text
head -n 1 stdout >line
valid_json line

# Any bytes, zero bytes and broken characters among them.
python3 - <<'PYTHON'
import random
random.seed(1)
open("bytes.txt", "wb").write(bytes(random.choice([0x61, 0xc3, 0xa9, 0xff, 0x00, 0x0a, 0x0d]) for _ in range(20000)))
PYTHON
works data prepare text bytes.txt --out bytes --raw
"$program" tokenize --data bytes bytes.txt | "$program" detokenize --data bytes >stdout || problem "bytes that are no text"
same stdout bytes.txt

# SentencePiece: words have spaces between them, and lines are texts.
works tokenize --data pieces --lines text
cp stdout ids
works detokenize --data pieces --lines ids
same stdout text
works tokenize --data pieces --text '  the   man '
cp stdout ids
works detokenize --data pieces ids
[ "$(cat stdout)" = 'the man' ] || problem "SentencePiece: $(cat stdout)"

# What makes no sense.
wrong() { # wrong PATTERN IDS
    printf '%s' "$2" >wrong
    fails 1 "$1" detokenize --model model wrong
    [ ! -s stdout ] || problem "the text of wrong tokens: $(cat stdout)"
}
wrong 'wrong, line 1, column 3: "x" is no token of the tokenizer.s, 0 to [0-9]+' '1 x 2'
wrong 'wrong, line 2, column 1: "99999999999999999999" is no token' '1
99999999999999999999'
wrong 'wrong, line 1, column 1: "-1" is no token' '-1'
wrong 'column 5: "256" is no token' '1 2 256'
wrong '"1,2" is no token' '1,2'
printf '1\n2 1000\n' >wrong
fails 1 'wrong, line 2, column 3: "1000"' detokenize --model model --lines wrong
fails 2 'byte 0x23 \(#\), at offset 2' tokenize --model model --text 'a #'
printf 'the\nman #\n' >wrong
fails 1 '^sigmoe: wrong: byte 0x23 \(#\), at offset 8' tokenize --model model wrong
fails 1 '^sigmoe: wrong, line 2: byte 0x23 \(#\), at offset 4' tokenize --model model --lines wrong
fails 2 'give either --model DIR or --data DIR' tokenize --text a
fails 2 'give either --model DIR or --data DIR' detokenize --model model --data data
fails 2 'neither a FILE nor --lines' tokenize --model model --text a words
fails 2 'neither a FILE nor --lines' tokenize --model model --text a --lines
fails 1 'cannot read missing' tokenize --model model missing
fails 1 missing tokenize --model missing words
fails 1 missing tokenize --data missing words

finish
