#!/bin/sh
# sweep: the paper's tables at a small size, the names of runs, verdicts, resuming, and what it refuses. presets: what they cost.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data

small() {
    table=$1
    shift
    works sweep "$table" --data data --set d_model=64 --set n_layers=2 --set n_heads=2 --set d_head=8 --set unroll=16 \
        --set ff.expert_size=8 --steps 3 --batch 2 "$@"
}

small tab10-e8 --out tab10
for file in table.txt table.csv table.json claims.csv report.html; do [ -s "tab10/$file" ] || problem "tab10/$file is missing"; done
printf '\nreport: tab10/report.html\n' | cat tab10/table.txt - >expected
same stdout expected
valid_json tab10/table.json
works eval --model tab10/runs/sigma-moe --data data --split valid --json
python3 - tab10/table.json <<'PYTHON' || problem "tab10/table.json lacks something"
import json, sys
table = json.load(open(sys.argv[1]))
rows = {row["variant"]: row for row in table["variants"]}
assert len(rows) == 20, list(rows)
assert table["published_score"] == "bits/char" and rows["s-base"]["published"] == 1.32, rows["s-base"]
assert all(claim["verdict"] == "needs 3 seeds" for claim in table["claims"]), table["claims"]
assert {"sigma-moe", "switch"} in [{claim["better"], claim["worse"]} for claim in table["claims"]]
PYTHON

small tab3-wt-s --seeds 3 --jobs 2 --out tab3
python3 - tab3 <<'PYTHON' || problem "the verdict is not the runs'"
import json, sys
test = lambda row, seed: json.load(open(f"{sys.argv[1]}/runs/{row}-seed{seed}/result.json"))["test"]["bits_per_char"]
d = [test("dense", seed) - test("sigma-moe", seed) for seed in (1, 2, 3)]
mean = sum(d) / 3
half = 4.302653 * (sum((x - mean) ** 2 for x in d) / 2 / 3) ** 0.5
table = json.load(open(f"{sys.argv[1]}/table.json"))
claim, = table["claims"]
for key, value in (("difference", mean), ("low", mean - half), ("high", mean + half)):
    assert abs(claim[key] - value) < 1e-6, (key, claim[key], value)
# Three steps of such a model: an n-gram is far better, so nothing holds.
assert table["ngram"]["test"]["bits_per_char"] < min(row["test"]["mean"] for row in table["variants"])
expected = "withheld: an n-gram is better"
assert claim["verdict"] == expected and claim["pairs"] == 3, claim
PYTHON

grep -q '^The order-[1-5] n-gram.*beats every model' tab3/table.txt || problem "the table does not begin its verdict with the n-gram"
grep -q 'The order-[1-5] n-gram.*beats every model' tab3/report.html || problem "the report does not say that the n-gram is better"
! grep -q 'best">' tab3/report.html || problem "the report marks a best score where the n-gram is better than all"

cp -r tab3 before
small tab3-wt-s --seeds 3 --out tab3 --resume
same before/runs tab3/runs
same before/claims.csv tab3/claims.csv
fails 2 'exists' sweep tab3-wt-s --data data --out tab3
fails 2 'n_layers|d_model' sweep tab3-wt-s --data data --seeds 3 --set unroll=16 --batch 2 --steps 3 --out tab3 --resume

echo '{"base": "wt-s-moe", "rows": ["dense", "wt-s-moe"], "set": {"d_model": 16, "n_layers": 1, "unroll": 8}, "settings": {"steps": 2, "batch": 2}}' >own.json
works sweep own.json --data data --out own
[ -d own/runs/sigma-moe ] || problem "the preset of a file is not its row"

mkdir kept
cp own.json kept
fails 2 'kept holds the table kept/own.json: ' sweep kept/own.json --data data --out kept --force
same own.json kept/own.json
mkdir tab3-e8 # that a table is called like the place does not make it a file
small tab3-e8 --out tab3-e8 --force
fails 2 'valid_tokens is 2' sweep own.json --data data --out x --valid-tokens 2

# Rows with fewer seeds than the others: alone, in two processes, and resumed; no verdict from them.
cat >mixed.json <<'JSON'
{"base": "e8-moe", "rows": ["dense", {"row": "softmax", "seeds": 1}, "sigma-moe"], "seeds": 3, "test_tokens": 100,
 "set": {"d_model": 16, "n_layers": 1, "unroll": 8}, "settings": {"steps": 2, "batch": 2}}
JSON
works sweep mixed.json --data data --out mixed
works sweep mixed.json --data data --out mixed2 --jobs 2
same mixed/claims.csv mixed2/claims.csv
works sweep mixed.json --data data --out mixed2 --resume
same mixed/claims.csv mixed2/claims.csv
python3 - mixed/table.json <<'PYTHON' || problem "rows with fewer seeds are not as they should be"
import json, os, sys
table = json.load(open(sys.argv[1]))
seeds = {row["variant"]: [run["seed"] for run in row["runs"]] for row in table["variants"]}
assert seeds == {"dense": [1, 2, 3], "softmax": [1], "sigma-moe": [1, 2, 3]}, seeds
pairs = {claim["worse"]: (claim["pairs"], claim["verdict"] == "needs 3 seeds") for claim in table["claims"]}
assert pairs == {"dense": (3, False), "softmax": (1, True)}, pairs
assert sorted(os.listdir("mixed/runs")) == sorted(f"{row}-seed{k}" for row in seeds for k in seeds[row])
PYTHON
grep -q 'a row without it has one' mixed/table.txt || problem "the table does not say that rows have different seeds"
# A row can have more seeds later, and none is trained again.
find mixed/runs -name '*.safetensors' -exec sha256sum {} + >sums
sed 's/"seeds": 1}/"seeds": 2}/' mixed.json >other.json
works sweep other.json --data data --out mixed --resume
sha256sum --quiet -c sums || problem "runs of a sweep were trained again"
[ -s mixed/runs/softmax-seed2/result.json ] || problem "the row's second seed is missing: $(ls mixed/runs)"
sed 's/"seeds": 1}/"seeds": 4}/' mixed.json >other.json
fails 1 'softmax has 4 seeds' sweep other.json --data data --out x
sed 's/"seeds": 1}/"seed": 1}/' mixed.json >other.json
fails 1 'did you mean "seeds"' sweep other.json --data data --out x

# A perplexity beyond all numbers is no score, and no reason to fail.
works data prepare text data.txt --out pieces --tokenizer sentencepiece --vocab-size 100
works sweep tab3-e8 --data pieces --out ruined --set d_model=16 --set n_layers=1 --set n_heads=1 --set d_head=8 --set unroll=8 \
    --batch 1 --test-tokens 64 --steps 2 --lr 12 --clip 0
grep -q 'no score; its loss is beyond' ruined/table.txt || problem "no word about the perplexity: $(cat ruined/table.txt)"
grep -q "own scores, in bits/char" ruined/table.txt || problem "no word about the paper's unit: $(cat ruined/table.txt)"

# A signal to all processes of a sweep, as batch systems send it: each run saves, whoever else tells it to.
children_of() { sed -n "s/^\([0-9]*\) ([^)]*) . $1 .*/\1/p" /proc/[0-9]*/stat 2>/dev/null || true; }

begin_pair() { # begin_pair RUN [OPTION]: two long runs at a time in the background; returns when both have taken steps
    "$program" sweep tab3-e8 --data data --set d_model=64 --set n_layers=2 --set n_heads=2 --set d_head=16 --set unroll=64 --batch 8 \
        --test-tokens 64 --steps 20000 --jobs 2 --threads 2 --out "$@" >stdout 2>stderr &
    process=$!
    for row in dense sigma-moe; do
        while kill -0 $process 2>/dev/null && [ ! -s "$1/runs/$row/metrics.jsonl" ]; do sleep 0.05; done
    done
    children=
    while kill -0 $process 2>/dev/null && [ "$(echo "$children" | wc -w)" -ne 2 ]; do children=$(children_of $process); done
    [ "$(echo "$children" | wc -w)" -eq 2 ] || problem "a sweep with two jobs has the children '$children': $(cat stderr)"
}

saved() { # saved RUN: what both runs did is in their checkpoints
    for row in dense sigma-moe; do
        steps=$(wc -l <"$1/runs/$row/metrics.jsonl")
        [ "$steps" -gt 0 ] || problem "$1/runs/$row took no step"
        [ -d "$1/runs/$row/checkpoints/$(printf %08d "$steps")" ] ||
            problem "$1/runs/$row lost its $steps steps: $(ls "$1/runs/$row/checkpoints")"
    done
}

stopped() { # stopped STATUS: how the sweep in the background ended
    status=0
    wait $process || status=$?
    [ "$status" -eq "$1" ] || problem "a stopped sweep ended with status $status instead of $1: $(cat stderr)"
    [ "$(grep -c '^sigmoe: .*--resume' stderr)" -eq 1 ] || problem "a stopped sweep says: $(cat stderr)"
}

begin_pair told
# shellcheck disable=SC2086
kill -TERM $children $process
stopped 143
saved told
begin_pair interrupted
# shellcheck disable=SC2086
kill -INT $children $process
stopped 130
saved interrupted

# The runs of a sweep that is killed save, and one that goes on at once waits for them.
begin_pair killed
kill -KILL $process
wait $process || true
begin_pair killed --resume
kill -TERM $process
stopped 143
saved killed

fails 2 'needs a table' sweep --data data --out x
fails 2 'did you mean "tab10-wt-s"' sweep tab10-wts --data data --out x
fails 2 'd_model' sweep tab10-wt-s --data data --set d_modle=3 --out x
fails 2 'ff.k' sweep tab10-e8 --data data --set ff.k=2 --set unroll=16 --batch 2 --out x
fails 2 'choose one' sweep tab3-e8 --data data --out x --force --resume
fails 2 'jobs' sweep tab3-e8 --data data --out x --jobs 0
fails 1 'missing' sweep tab3-e8 --data missing --out x
fails 1 'missing.json' sweep missing.json --data data --out x
echo '{"base": "wt-s-moe", "row": ["dense"]}' >wrong.json
fails 1 'did you mean "rows"' sweep wrong.json --data data --out x
absent x missing

works sweep --help
grep -q '^  tab10-e8 ' stdout || problem "sweep --help does not list tab10-e8"
works presets --json
python3 - stdout <<'PYTHON' || problem "presets --json lacks something"
import json, sys
presets = {p["name"]: p for p in json.load(open(sys.argv[1]))}
moe, code = presets["wt-b-moe"], presets["wt-b-moe@code"]
assert (moe["base"], moe["form"], code["form"]) == ("wt-b", "printed", "code"), moe
assert moe["parameters"] == 262461266 and moe["ff_flops_share"] == 0.125, moe
assert moe["published"] == 9.44 and moe["source"] == "Tab. 3, 4, 10", moe
assert presets["c4-b-moe"]["source"] == "Tab. 5" and presets["c4-b-moe"]["published"] == 17.46
PYTHON

finish
