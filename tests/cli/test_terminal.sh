#!/bin/sh
# shellcheck disable=SC2016  # the sentences have backquotes
# What the program shows on terminals of 120, 80 and 40 columns; --quiet and --json.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

make_data data
write_config moe.json "$MOE"

# on_terminal COLUMNS WORD...: the command succeeds; all that it sends to its terminal is in sent.
on_terminal() {
    columns=$1
    shift
    status=0
    python3 "$root/tests/cli/terminal.py" "$columns" "$program" "$@" >sent || status=$?
    [ "$status" -eq 0 ] || problem "sigmoe $*, $columns columns: exit status $status: $(tail -n 1 sent)"
}

# fits COLUMNS FILE: no line is wider.
fits() {
    python3 - "$@" >bad <<'PYTHON' || problem "$2 has lines of more than $1 columns: $(head -n 3 bad)"
import sys
wide = [line for line in open(sys.argv[2], encoding="utf-8").read().split("\n") if len(line) > int(sys.argv[1])]
print("\n".join(wide))
sys.exit(bool(wide))
PYTHON
}

# words FILE: what it says, without layout.
words() { sed 's/ \\$//' "$1" | tr -d ' \n'; }

# Help is folded, and says the same at any width.
"$program" help | sed -n 's/^  \([a-z0-9 ]*[a-z0-9]\)  .*/\1/p' | grep -v '^help' >commands
while read -r command; do
    # shellcheck disable=SC2086  # words are words
    works $command --help
    fits 100 stdout
    words stdout >expected
    for width in 120 80 40; do
        # shellcheck disable=SC2086
        on_terminal $width $command --help
        fits $width sent
        words sent >said
        same said expected
    done
done <commands
[ "$(wc -l <commands)" -ge 18 ] || problem "only $(wc -l <commands) commands were tried"
for width in 120 80 40; do
    for help in 'help' 'help config' 'bench --help'; do
        # shellcheck disable=SC2086
        on_terminal $width $help
        fits $width sent
    done
done
on_terminal 300 train --help
fits 120 sent # prose of 300 columns cannot be read

# Limits stand in the help only if someone could meet them.
works sweep --help
grep -q 'jobs.*(1\.\.64;' stdout || grep -q '(1\.\.64;' stdout || problem "the help does not say how many jobs there may be"
! grep -qE '1\.\.1024|1\.\.1000000' stdout || problem "the help says limits that nobody meets"

# Presets: those that match, all of them readable at any width.
works presets
[ "$(wc -l <stdout)" -gt 30 ] || problem "presets lists $(wc -l <stdout) lines"
cp stdout all
works presets wt-s-moe
[ "$(sed 1d stdout | sed 's/ .*//' | tr '\n' ' ')" = 'wt-s-moe wt-s-moe@code ' ] || problem "presets wt-s-moe: $(cat stdout)"
works presets 'wt-?-moe'
[ "$(sed 1d stdout | sed 's/ .*//' | tr '\n' ' ')" = 'wt-s-moe wt-b-moe ' ] || problem "presets wt-?-moe: $(cat stdout)"
works presets '*'
same stdout all
works presets e8-moe --json
valid_json stdout
[ "$(grep -c '"name"' stdout)" -eq "$("$program" presets e8-moe | sed 1d | wc -l)" ] || problem "presets e8-moe --json: $(cat stdout)"
fails 2 'no preset matches `wt-s-mor`; did you mean wt-s-moe' presets wt-s-mor
fails 2 'no preset matches `zzz\*`' presets 'zzz*'

names=$(sed 1d all | sed 's/ .*//')
for width in 120 80 40; do
    on_terminal $width presets
    fits $width sent
    for name in $names; do grep -q "^$name" sent || problem "presets at $width columns lacks $name"; done
    [ "$width" -gt 80 ] || ! grep -q ' $' sent || problem "presets at $width columns has spaces at the end of lines"
    on_terminal $width info --preset demo
    fits $width sent
    grep -q 'layers\.\*\.ff\.router\.weight' sent || problem "info at $width columns lacks a tensor"
    on_terminal $width info --cpu
    fits $width sent
    on_terminal $width bench layer --d-model 8 --experts 2 --expert-size 4 --k 1 --tokens 8 --repetitions 1 --threads 1
    fits $width sent
    on_terminal $width bench kernel expert_ffn --repetitions 1 --threads 1
    fits $width sent
    grep -q 'chosen' sent || problem "bench kernel at $width columns does not say what was chosen"
done

# check_live COLUMNS: in `sent`, each live line fits and each task ends at n/n, and nothing is left of the last.
check_live() {
    python3 - sent "$1" >bad <<'PYTHON' || problem "the live line at $1 columns: $(cat bad)"
import re, sys
sent, width = open(sys.argv[1], encoding="utf-8", newline="").read(), int(sys.argv[2])
erase, bad, counts, task = "\r\x1b[K", [], None, None
frames = [re.sub(r"\x1b\[\d*m", "", frame) for frame in sent.split(erase)]
def ends(task, counts):
    if counts and counts[0] != counts[1]:
        bad.append(f"{task} ends at {counts[0]}/{counts[1]}")
for frame in frames[1:]:
    live = frame.split("\n")[0] if "\n" not in frame else ""
    if len(live) > width - 1:
        bad.append(f"too wide: {live!r}")
    found = re.match(r"(\S.*?)  (\S+)/(\S+)", live)
    if found and found.group(1) != task:
        ends(task, counts)
    if found:
        task, counts = found.group(1), found.groups()[1:]
ends(task, counts)
if len(frames) < 3 or (width == 120 and not counts):
    bad.append(f"{len(frames)} frames, the last of {task}")
if frames[-1] and not frames[-1].endswith("\n"):
    bad.append(f"left behind: {frames[-1]!r}")
print("\n".join(bad))
sys.exit(bool(bad))
PYTHON
}

train() { on_terminal "$1" train --config moe.json --data data --out run --force --batch 2 --steps 6 --threads 1; }
for width in 120 80 40; do
    train $width
    check_live $width
    grep -q "$(printf '\033')\[1m" sent || problem "nothing is bold on a terminal"
    on_terminal $width eval --model run --data data
    check_live $width
done
NO_COLOR=1
export NO_COLOR
train 80
check_live 80
! grep -q "$(printf '\033')\[[0-9]*m" sent || problem "NO_COLOR does not turn bold off"
unset NO_COLOR

# A comparison's table keeps the rows and their scores; on the disk is all of it.
works compare --data data --base ./moe.json --variants dense,sigma-moe:k=1 --steps 3 --batch 2 --seeds 2 --threads 1 --out comparison
cp stdout whole
for width in 120 80 40; do
    on_terminal $width compare --data data --base ./moe.json --variants dense,sigma-moe:k=1 --steps 3 --batch 2 --seeds 2 \
        --threads 1 --out comparison --resume --quiet
    fits $width sent
    for row in dense sigma-moe:k=1; do
        grep -qE "^$row .* [0-9.]+ ± [0-9.]+" sent || problem "the table at $width columns lacks the score of $row: $(cat sent)"
    done
    grep -q 'comparison/report.html' sent || problem "compare at $width columns does not say where the report is"
done
same comparison/table.txt - <<TABLE
$(sed '/^report: /,$d' whole | sed '$d')
TABLE

# quiet_json WORD...: prints a JSON object and nothing else, nowhere.
quiet_json() {
    works "$@" --json --quiet
    valid_json stdout
    [ "$(head -c 1 stdout)" = '{' ] || problem "sigmoe $* --json does not print an object"
    [ ! -s stderr ] || problem "sigmoe $* --quiet says: $(cat stderr)"
}
make_tokens tokens.npy 2 9 "$vocab"
quiet_json data prepare text data.txt --out prepared
grep -q '"directory": "prepared"' stdout || problem "data prepare --json does not say where the data are"
python3 -c 'import json; a, b = json.load(open("stdout")), json.load(open("prepared/meta.json")); del a["directory"]; assert a == b' ||
    problem "data prepare --json is not meta.json"
quiet_json train --config moe.json --data data --out quiet --batch 2 --steps 2 --threads 1
[ -d "$(sed -n 's/.*"checkpoint": "\(.*\)".*/\1/p' stdout)" ] || problem "train --json names no checkpoint: $(cat stdout)"
quiet_json eval --model quiet --data data
quiet_json forward --model quiet --tokens tokens.npy --out y.safetensors
grep -q '"length": 8' stdout || problem "forward --json: $(cat stdout)"
quiet_json compare --data data --base ./moe.json --variants dense --steps 2 --batch 2 --threads 1 --out compared
same stdout compared/table.json
echo '{"base": "demo", "rows": ["dense"], "set": {"d_model": 16, "n_layers": 1}}' >rows.json
quiet_json sweep ./rows.json --data data --steps 2 --batch 2 --threads 1 --test-tokens 2000 --out swept
same stdout swept/table.json
quiet_json analyze quiet --data data --out analyzed
python3 -c 'import json; m = json.load(open("stdout"))["models"][0]; assert m["model"] == "quiet" and len(m["layers"]) == 2' ||
    problem "analyze --json: $(cat stdout)"
for command in 'bench layer --d-model 8 --experts 2 --expert-size 4 --k 1 --tokens 8 --repetitions 1' 'info --preset demo' 'info --cpu'; do
    # shellcheck disable=SC2086
    works $command --json
    valid_json stdout
done
fails 1 'cannot be read|No such file|does not exist|not found' eval --model nothing --data data --quiet --json
[ ! -s stdout ] || problem "a failure prints on standard output: $(cat stdout)"

finish
