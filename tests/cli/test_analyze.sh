#!/bin/sh
# analyze: its files and page, also for a text that would like to be markup; bench figureN: its files; what both refuse.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_text 30000 text.txt
# Bytes that a page, a terminal or a CSV could trip over, often enough for each split to have them.
for _ in $(seq 200); do
    printf '<script>alert(1)</script></td></table>"&amp;\033[31m\001\377\376\342\200\256evil\000,""\r\n'
    head -c 150 text.txt
done >>text.txt2
cat text.txt2 >>text.txt
works data prepare text text.txt --out data
# shellcheck disable=SC2034 # write_config reads it
vocab=$(sed -n 's/.*"vocab_size": *\([0-9]*\).*/\1/p' data/meta.json | head -n 1)
write_config moe.json "$MOE" 0
write_config dense.json "$DENSE" 0
write_config one.json '"type": "moe", "n_experts": 1, "expert_size": 6, "k": 1, "router": "sigmoid", "regularizer": "none"' 0
works train --config moe.json --data data --out run --batch 2 --steps 30
make_model dense dense.json data
make_model one one.json data

analyze() { works analyze "$@" --data data --limit-tokens 2000; }

analyze run dense one --split valid --out all
for figure in active share-layer-00 share-layer-01 run-usage run-training run-training-active \
    run-training-layer-00 run-training-layer-01 run-together-layer-00 run-together-layer-01 one-usage; do
    for kind in csv png svg; do [ -s "all/$figure.$kind" ] || problem "all/$figure.$kind is missing"; done
done
[ -z "$(find all -name '*.partial' -o -name '*.gnuplot')" ] || problem "something was left in all"
[ ! -e all/dense-training-active.csv ] || problem "a model without a run has a history"
awk -F, 'NR > 1 { sum[$1] += $3; n[$1]++ } END { for (s in sum) if (n[s] != 4 || sum[s] < 0.9999 || sum[s] > 1.0001) exit 1; exit !(0 in n && 25 in n) }' \
    all/run-training-layer-01.csv || problem "the shares over training: $(cat all/run-training-layer-01.csv)"
[ ! -e all/one-together-layer-00.svg ] || problem "one expert is used together with itself"
# The axes of the map over training: each expert once, then steps that were recorded.
labels=$(tr -d '\n' <all/run-training-layer-00.svg | grep -oE '<text>[^/]*</text>' | sed 's/<[^>]*>//g' | tr -d ' ' | head -n 6 | tr '\n' ' ')
[ "$labels" = '0 1 2 3 0 25 ' ] || problem "the axes of run-training-layer-00.svg: $labels"
grep -q 'run: 2000 tokens' stdout || problem "no summary: $(cat stdout)"
awk -F, 'NR > 1 && $4 != "" { s[$1 "," $2] = 1; if ($3 < 0 || $3 > 1) exit 1; sum[$1] += $3 }
    END { for (m in sum) if (sum[m] < 0.999999 || sum[m] > 1.000001) exit 1 }' all/share-layer-00.csv ||
    problem "the shares of a layer do not sum to 1"
awk -F, 'NR > 1 { if ($1 == "run" && $8 == 4 && $3 == 2000) n++; if ($1 == "dense" && $8 == "") n++ } END { exit n != 4 }' all/layers.csv ||
    problem "layers.csv: $(cat all/layers.csv)"
python3 - all/report.html all/run-tokens.csv <<'PYTHON' || problem "report.html is not what a browser can show safely"
import csv, html.parser, sys
text = open(sys.argv[1], encoding="utf-8").read()  # valid UTF-8, or this fails
assert "\\u{202e}" in text and "&lt;script&gt;" in text and not set(text) & set("\x00\x01\x1b\u202e")
class Page(html.parser.HTMLParser):
    open = []
    def handle_starttag(self, tag, attributes):
        assert tag != "iframe" and (tag != "script" or all(key in ("type", "class") for key, _ in attributes)), tag
        for key, value in attributes:
            assert not key.startswith("on"), key
            assert key not in ("src", "href", "xlink:href") or value.startswith(("#", "data:")), value
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
    def handle_startendtag(self, tag, attributes):
        pass
    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()
page = Page()
page.feed(text)
assert not page.open, page.open
assert "http:" not in text and "https:" not in text
rows = list(csv.DictReader(open(sys.argv[2], encoding="utf-8", newline="")))
assert rows and all(len(row) == 9 and row["text"] for row in rows)
assert {row["expert"] for row in rows} <= set("0123")
PYTHON

# Pairs of very many experts are neither counted nor drawn, and a training asks for no memory for them.
write_config many.json '"type": "moe", "n_experts": 65536, "expert_size": 1, "k": 2, "router": "sigmoid", "regularizer": "none"' 0
works train --config many.json --data data --out many --batch 2 --steps 1 --threads 1
rm -rf many
write_config many.json '"type": "moe", "n_experts": 1025, "expert_size": 1, "k": 2, "router": "sigmoid", "regularizer": "none"' 0
make_model many many.json data
works analyze many --data data --limit-tokens 100 --out pairs
[ -s pairs/many-usage.svg ] || problem "no figure of 1025 experts"
[ ! -e pairs/many-together-layer-00.csv ] || problem "pairs of 1025 experts"
grep -q 'used together is left out' pairs/report.html || problem "the page does not say that pairs are left out"

analyze run --out again --threads 1
cp all/run-usage.csv before
analyze run --out again --force --batch 4
same before again/run-usage.csv
fails 2 'exists' analyze run --data data --out again
# What is read stays, whatever is to be replaced.
cp -r run kept && cp -r data kept.data && cp -r data other.partial
fails 2 'kept holds the' analyze kept --data data --limit-tokens 2000 --out kept --force
fails 2 'kept/checkpoints holds the' analyze kept --data data --limit-tokens 2000 --out kept/checkpoints --force
fails 2 'kept.data/* holds the' analyze run --data kept.data/ --limit-tokens 2000 --out kept.data/ --force
fails 2 'other.partial holds the' analyze run --data other.partial --limit-tokens 2000 --out other
same run kept
same data kept.data
same data other.partial
rm -rf kept kept.data other.partial
fails 2 'at least one model' analyze --data data --out x
fails 2 'needs --data' analyze run --out x
fails 2 'needs --out' analyze run --data data
fails 2 'split|valid' analyze run --data data --split vaild --out x
fails 2 '[0-9]' analyze run --data data --limit-tokens -1 --out x
fails 2 . analyze run --data data --limit-tokens 2 --batch 9 --out x
fails 1 'missing' analyze missing --data data --out x
fails 1 'missing' analyze run --data missing --out x
fails 1 'neither a model' analyze data --data data --out x
make_text 20000 other.txt
mkdir names && cp -r one names/-one
(
    # A figure that cannot be written whole is none. gnuplot does not say so.
    trap '' XFSZ
    ulimit -f 8
    fails 1 'x\.partial/active\.svg: gnuplot left it cut short' analyze run --data data --limit-tokens 2000 --out x
    [ "$failures" -eq 0 ]
) || problem "with small files"
analyze names/-one --out dash
[ -s dash/_one-usage.svg ] || problem "no figure of a model whose name begins with -"
# Names of any bytes on the page, and a source that was cut inside a letter.
odd=$(printf 'r\377\342\200\256\033<b>')
cp -r run "$odd" && cp -r data odd.data
python3 - odd.data/meta.json <<'PYTHON'
import json, sys
meta = json.load(open(sys.argv[1]))
meta["source"] = "\u202e<b>" + "\u20ac" * 2000
json.dump(meta, open(sys.argv[1], "w"), ensure_ascii=False)
PYTHON
works analyze "$odd" --data odd.data --limit-tokens 500 --out odd
python3 - odd/report.html <<'PYTHON' || problem "names of any bytes are not shown safely"
import sys
text = open(sys.argv[1], encoding="utf-8").read()
assert "r\\xff\\u{202e}\\x1b&lt;b&gt;</p>" in text and "split of \\u{202e}&lt;b&gt;\u20ac" in text
assert not set(text) & set("\x1b\u202e")
PYTHON
# Data without its tokenizer.model: the models' is as good, also for one that has none.
works data prepare text other.txt --out pieces --tokenizer sentencepiece --vocab-size 100
vocab=100
write_config pieces.json "$MOE" 0
works train --config pieces.json --data pieces --out pieces.run --batch 2 --steps 1
cp -r pieces.run bare
(cd bare/checkpoints/00000001 && rm tokenizer.model manifest.json trainer.json)
rm pieces/tokenizer.model
works analyze bare pieces.run --data pieces --limit-tokens 500 --out spelled
! grep -q '"#[0-9]' spelled/bare-tokens.csv spelled/pieces.run-tokens.csv || problem "tokens are numbers: $(head -n 3 spelled/bare-tokens.csv)"
works analyze bare --data pieces --limit-tokens 500 --out numbered
grep -q '"#[0-9]' numbered/bare-tokens.csv || problem "tokens of an unknown text: $(head -n 3 numbered/bare-tokens.csv)"
cp -r run strange
echo '{"step":0,"layers":[]}' >strange/usage.jsonl
fails 1 'usage.jsonl, line 1' analyze strange --data data --limit-tokens 2000 --out x
head -c 300 dense/model.safetensors >short
cp -r dense broken && cp short broken/model.safetensors
fails 1 . analyze broken --data data --out x
fails 1 . analyze run broken --data data --out x
works data prepare text other.txt --out other
fails 2 . analyze run --data other --out x
absent x missing

for figure in figure2 figure9; do
    works bench "$figure" --tokens 16 --repetitions 1 --out "$figure"
    for file in "$figure.csv" "$figure-time.png" "$figure-time.svg" "$figure-memory.png" "$figure-memory.svg"; do
        [ -s "$figure/$file" ] || problem "$figure/$file is missing"
    done
done
grep -q 'memory .* GB/s' stdout || problem "no machine above the table: $(cat stdout)"
awk -F, 'NR > 1 { if ($2 <= last || $8 <= 0 || $9 <= 0 || $10 <= 0 || $12 <= 0 || $13 <= 0) exit 1; last = $2; n++ } END { exit n != 6 }' \
    figure9/figure9.csv || problem "figure9.csv: $(cat figure9/figure9.csv)"
fails 2 'exists' bench figure9 --tokens 16 --out figure9
fails 2 'did you mean' bench figure3 --out x
fails 2 'needs --out' bench figure9
fails 2 '[0-9]' bench figure9 --tokens 0 --out x
works bench figure9 --help
grep -q 'against N_E' stdout || problem "the help does not say what the axes are"
absent x

# Another's NAME.partial stays; what a killed run left of it is taken over.
mkdir mine.partial && echo kept >mine.partial/file
fails 2 'mine.partial is in the way' analyze run --data data --limit-tokens 500 --out mine --force
fails 2 'mine.partial is in the way' bench figure9 --tokens 16 --repetitions 1 --out mine
[ "$(cat mine.partial/file)" = kept ] || problem "mine.partial was touched"
echo >mine.partial/.sigmoe-unfinished
works analyze run --data data --limit-tokens 500 --out mine
for path in mine.partial mine/file mine/.sigmoe-unfinished; do
    [ ! -e "$path" ] || problem "the directory of a killed run: $path"
done

# Ctrl-C goes to a whole process group, at the named figure: gnuplot goes on, and sigmoe stops.
gnuplot=$(command -v gnuplot)
mkdir bin
cat >bin/gnuplot <<SHELL
#!/bin/sh
[ "\$*" = "-d -" ] || exec $gnuplot "\$@"
cat >"$PWD/script.gnuplot" # what it is to draw comes on its standard input
if grep -q "^set output '\$STOP_AT" "$PWD/script.gnuplot"; then kill -INT -"\$PPID"; sleep 0.1; fi
exec $gnuplot -d - <"$PWD/script.gnuplot"
SHELL
chmod +x bin/gnuplot
stopped() { # stopped FIGURE WORD...: with --out x
    status=0
    STOP_AT=$1
    shift
    STOP_AT=$STOP_AT PATH=$PWD/bin:$PATH setsid -w "$program" "$@" --out x >stdout 2>stderr || status=$?
    [ "$status" -eq 130 ] || problem "stopped sigmoe $*: exit status $status: $(tail -n 1 stderr)"
    [ "$(grep -c '^sigmoe: draw: stopped on request' stderr)" -eq 1 ] || problem "stopped sigmoe $*: $(cat stderr)"
    absent x
}
stopped active.svg analyze run --data data --limit-tokens 500
stopped run-training-layer-00.svg analyze run --data data --limit-tokens 500
stopped figure9-time.svg bench figure9 --tokens 16 --repetitions 1

# Where gnuplot is not installed, all but the pictures is there, and that is told once.
for command in "analyze run --data data --limit-tokens 500" "bench figure9 --tokens 16 --repetitions 1"; do
    # shellcheck disable=SC2086 # words
    PATH=/nowhere "$program" $command --out undrawn --force >stdout 2>stderr || problem "$command without gnuplot: $(cat stderr)"
    [ "$(grep -c '^no figures: gnuplot is not installed (Debian: apt-get install gnuplot-nox)$' stderr)" -eq 1 ] ||
        problem "$command without gnuplot says \"$(cat stderr)\""
    [ -s stdout ] || problem "$command without gnuplot prints nothing"
    [ -n "$(find undrawn -name '*.csv')" ] || problem "$command without gnuplot leaves no CSV"
    [ -z "$(find undrawn -name '*.svg' -o -name '*.png')" ] || problem "$command without gnuplot drew something"
    rm -rf undrawn
done

finish
