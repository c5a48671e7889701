#!/bin/sh
# watch and plot: what they show of runs at any width, the files they make, and runs that are damaged.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE"
settings='--config moe.json --data data --batch 3 --lr 1e-2 --valid-every 10 --valid-tokens 200'
# shellcheck disable=SC2086  # a list of words
works train $settings --steps 60 --out run --sample-prompt 'the '

# fits COLUMNS FILE: no line of it is wider.
fits() {
    python3 - "$@" <<'PYTHON' || problem "lines wider than $1 columns"
import re, sys
text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", open(sys.argv[2], encoding="utf-8").read())
wide = [line for line in text.splitlines() if len(line) > int(sys.argv[1])]
assert not wide, wide
PYTHON
}
works watch run
mv stdout plain
fits 80 plain
for pattern in '^ run .*done, step 60 of 60, 100 %$' ' training loss [0-9.]* .*tokens/s' ' valid .*bits/char' '^  *[0-9.]* ┤' \
    'steps$' 'experts  layer 0  ....  ' 'layer 1' ' sample   the '; do
    grep -q "$pattern" plain || problem "watch: nothing like $pattern: $(cat plain)"
done
! grep -q "$(printf '\033')" plain || problem "escape sequences without a terminal"
in_columns() { python3 "$root/tests/cli/terminal.py" "$@"; }
for columns in 20 40 80 120 300; do
    in_columns $columns "$program" watch --once run >shown
    [ $columns -lt 30 ] || fits $columns shown
    in_columns $columns "$program" plot run >shown
    [ $columns -lt 40 ] || fits $columns shown
done
NO_COLOR=1 in_columns 80 "$program" watch --once run >shown
same plain shown
# Live, until the run ends.
# shellcheck disable=SC2086  # a list of words
"$program" train $settings --steps 400 --out live >stdout 2>stderr &
trained=$!
while [ ! -d live/checkpoints/00000000 ]; do sleep 0.05; done
in_columns 80 "$program" watch live >shown || problem "watch of a run that trains: $(tail -n 3 shown)"
wait $trained
grep -q 'training, step' shown || problem "watch did not see the training"
tail -n 30 shown | grep -q 'done, step 400 of 400' || problem "watch did not see the end: $(tail -n 30 shown)"
cp -r run before
works watch run
same before run

# Numbers, in the order of the steps.
works plot run --csv numbers.csv
[ ! -s stdout ] || problem "plot --csv FILE prints $(head -n 3 stdout)"
works plot run --csv -
same numbers.csv stdout
python3 - run <<'PYTHON' || problem "the numbers are wrong"
import csv, json
rows = list(csv.DictReader(open("numbers.csv")))
steps = [json.loads(line) for line in open("run/metrics.jsonl")]
valid = {line["step"]: line for line in map(json.loads, open("run/valid.jsonl"))}
assert [int(row["step"]) for row in rows] == list(range(61)), len(rows)
for row in rows:
    step = int(row["step"])
    assert row["run"] == "run"
    for key in "loss reg grad_norm lr tokens_per_s".split():
        assert (row[key] == "") if step == 60 else abs(float(row[key]) - steps[step][key]) <= 1e-8 * abs(steps[step][key]), (row, key)
    for key in "nats_per_token perplexity bits_per_char".split():
        got = row["valid_" + key]
        assert got == "" if step not in valid else abs(float(got) - valid[step][key]) <= 1e-8 * valid[step][key], (row, key)
PYTHON
fails 2 'numbers.csv exists: --force replaces it' plot run --csv numbers.csv
works plot run --csv numbers.csv --force

# Pictures, also of a comparison.
works compare --data data --base moe.json --variants dense,sigma-moe --seeds 1 --steps 4 --batch 2 --test-tokens 200 --out comparison
works plot run comparison
[ "$(grep -cE '(dense|sigma-moe)-seed0$' stdout)" -eq 2 ] || problem "plot of a comparison: $(cat stdout)"
if command -v gnuplot >/dev/null; then
    works plot run comparison --out curves.svg
    grep -q 'sigma-moe-seed0' curves.svg || problem "curves.svg does not name the runs"
    works plot run --out curves.png
    [ "$(head -c 4 curves.png | tail -c 3)" = PNG ] || problem "curves.png is no PNG"
    fails 2 'curves.png exists: --force replaces it' plot run --out curves.png
    works plot run --out curves.png --force
    [ "$(find . -name '*.partial' -o -name '.sigmoe-drawing' | wc -l)" -eq 0 ] || problem "plot leaves something behind"
fi
fails 2 'must end in .png or .svg' plot run --out curves.gif
fails 2 'neither a run nor a comparison' plot data
fails 2 'at least one RUN' plot
fails 2 'name a file for one' plot run --out - --csv -
fails 1 . plot run --csv /proc/nowhere/x.csv

# Damaged runs give a sentence.
fails 2 'missing is no training run' watch missing
fails 2 'directory of a run' watch
damaged() { # damaged PATTERN COMMAND...: after COMMAND in a copy of the run
    pattern=$1
    shift
    rm -rf bad && cp -r run bad
    (cd bad && "$@")
    fails 1 "$pattern" watch bad
}
damaged 'metrics.jsonl, line 3: this is no JSON object' sed -i '3s/.*/[1]/' metrics.jsonl
damaged 'metrics.jsonl, line 3: .*step.* is 1; it must be at least 2' sed -i '3s/"step":2/"step":1/' metrics.jsonl
damaged 'metrics.jsonl, line 60: no run has a step 9' sed -i '60s/"step":59/"step":9223372036854775807/' metrics.jsonl
damaged 'metrics.jsonl' sh -c 'rm metrics.jsonl && mkfifo metrics.jsonl'
damaged 'metrics.jsonl' sh -c 'rm metrics.jsonl && mkdir metrics.jsonl'
damaged 'valid.jsonl, line 1' sed -i '1s/^/[/' valid.jsonl
damaged 'usage.jsonl' sh -c 'echo "{\"step\": \"x\"}" >>usage.jsonl'
damaged 'samples.jsonl.*prompt' sh -c 'echo "{\"step\": 1, \"prompt\": 5}" >>samples.jsonl'
damaged 'train.json' sh -c 'echo "{}" >train.json'
damaged 'train.json' sed -i 's/"steps": 60/"steps": -1/' train.json
rm -rf bad && cp -r run bad
echo '{"step":99,"prompt":"\u001b[31m","text":"\u0007\u009b"}' >>bad/samples.jsonl
echo '{"step":99,"layers":[{"share":["x",-5,1e308]},7,{}]}' >>bad/usage.jsonl
sed -i '60s/"loss":[^,]*/"loss":1e308/; 59s/"loss":[^,]*/"loss":null/; 58s/"loss":[^,]*/"loss":-1e308/' bad/metrics.jsonl
printf '{"step":60,"lo' >>bad/metrics.jsonl
works watch bad
grep -q 'sample   \\x1b\[31m\\x07\\u{9b}$' stdout || problem "what a file says reaches the terminal: $(tail -n 1 stdout)"
works plot bad
: >bad/metrics.jsonl
: >bad/valid.jsonl
works watch bad
grep -q 'no step yet' stdout || problem "a run without a step: $(cat stdout)"
fails 2 'nothing to show' plot bad
finish
