#!/bin/sh
# More of the same comparison: seeds, rows, steps and learning rates are added without training again what is done; seeds are
# added until the pairs are decided; a plan trains nothing.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
# Few letters, without any order: a model soon learns what there is to learn, and n-grams see too few to come near.
python3 - <<'PYTHON'
import random
random.seed(5)
open("text", "w").write("".join(random.choice("aaaaabbbcdefghijklmnopqrstuvwxyz \n") for _ in range(8000)))
PYTHON
works data prepare text text --out data
vocab=28 # different letters
write_config moe.json "$MOE" 0

compare() { works compare --data data --base ./moe.json --batch 4 --lr 1e-2 --valid-tokens 300 --test-tokens 300 "$@"; }
# learned OPTION...: long enough to do better than an n-gram.
learned() { compare --steps 200 --batch 8 "$@"; }
# sums RUN...: of everything that was trained.
sums() { find "$@" -name '*.safetensors' -exec sha256sum {} + | sort -k 2; }
# table RUN EXPRESSION: what Python makes of table.json `t`, compare.json `r`.
table() {
    python3 -c "import json, sys; t = json.load(open('$1/table.json')); r = json.load(open('$1/compare.json')); v = {
        x['variant']: x for x in t['variants']}; print($2)"
}
# is_so RUN EXPRESSION: it is true.
is_so() { [ "$(table "$1" "$2")" = True ] || problem "$1: not so: $2"; }

# ---------------------------------------------------------------- seeds and rows

compare --variants dense,sigma-moe --steps 8 --out run
is_so run "len(t['pairs']) == 1 and all(x['seeds'] == 3 for x in t['variants'])"
is_so run "set(t['pairs'][0]) >= {'a', 'b', 'difference', 'low', 'high', 'verdict'}"
is_so run "t['pairs'][0]['low'] <= t['pairs'][0]['difference'] <= t['pairs'][0]['high']"
is_so run "abs(t['pairs'][0]['difference'] - (v['sigma-moe']['score_mean'] - v['dense']['score_mean'])) < 1e-9"
is_so run "{'score_mean', 'score_sd', 'tied_with_best', 'ff_time_median', 'ff_flops_share'} <= set(v['dense'])"
is_so run "t['conclusion'] and t['conclusion'] in open('run/table.txt').read() and r['looks'] == [3]"
sums run >before
works compare --resume --seeds 4 --variants +topk:k=5 --out run
sums run >after
grep -vxFf after before >lost || true
[ ! -s lost ] || problem "runs were trained again: $(cat lost)"
[ "$(find run/runs -mindepth 1 -maxdepth 1 | wc -l)" -eq 12 ] || problem "runs holds $(ls run/runs)"
is_so run "[x['variant'] for x in t['variants']] == ['dense', 'sigma-moe', 'topk:k=5']"
is_so run "len(t['pairs']) == 3 and all(x['seeds'] == 4 for x in t['variants']) and r['looks'] == [3, 4]"
is_so run "abs(t['confidence'] - (1 - 0.05 / 6)) < 1e-12" # the second look

works compare --resume --out run # nothing to do
sums run | cmp -s - after || problem "a finished comparison was trained again"
is_so run "r['looks'] == [3, 4]"
works compare --resume --out run --batch 4 --lr 0.01 --variants topk:k=5,dense,sigma-moe # the same again
fails 2 'has 4 seeds: --seeds can be more, not 2' compare --resume --out run --seeds 2
fails 2 'has the row sigma-moe, too: rows can be added' compare --resume --out run --variants dense,topk:k=5
fails 2 'are the same; name each once' compare --resume --out run --variants +dense
fails 2 'settings\.batch 4, not 5' compare --resume --out run --batch 5
fails 2 'settings\.lr 0\.01, not 0\.02' compare --resume --out run --lr 0.02
fails 2 'ff\.k' compare --resume --out run --base ./moe.json --set ff.k=1
fails 2 'is no comparison to go on with' compare --resume --out absent
fails 2 'adds rows to a comparison that is there' compare --data data --base ./moe.json --variants +dense --out x
fails 2 'needs --variants' compare --data data --base ./moe.json --out x
sums run | cmp -s - after || problem "what was refused was trained"

# ---------------------------------------------------------------- steps

works compare --resume --steps 10 --out run
grep -q 'the steps are 10 now: every run is trained anew' stderr || problem "new steps are not told: $(cat stderr)"
for metrics in run/runs/*/metrics.jsonl; do
    [ "$(wc -l <"$metrics")" -eq 10 ] || problem "$metrics has $(wc -l <"$metrics") steps"
done
is_so run "r['looks'] == [4] and abs(t['confidence'] - 0.95) < 1e-12" # of new runs, it is the first
# Stopped between: what has the new steps stays, the rest follows.
works compare --resume --steps 6 --out run
rm run/runs/dense-seed3/result.json
sums run >before
works compare --resume --out run
sums run | cmp -s - before || problem "runs of the new steps were trained again"

# ---------------------------------------------------------------- learning rates

learned --variants dense,sigma-moe --lr-grid 1e-2,1e-4,3e-3 --out rates
for name in dense sigma-moe; do
    is_so rates "len(v['$name']['lr_grid']) == 3"
    is_so rates "v['$name']['lr'] == min(v['$name']['lr_grid'], key=lambda x: x['valid'])['lr'] != 1e-4"
done
{ [ -d rates/runs/dense-lr0.0001-seed0 ] && [ ! -e rates/runs/dense-lr0.0001-seed1 ]; } || problem "$(ls rates/runs)"
is_so rates "'its own best of 3 learning rates by validation score' in t['conclusion']"
sums rates >before
works compare --resume --seeds 4 --out rates
sums rates >after
grep -vxFf after before >lost || true
[ ! -s lost ] || problem "runs of the grid were trained again: $(cat lost)"
fails 2 'lr_grid' compare --resume --out rates --lr-grid 1e-2,1e-3
fails 2 'numbers with commas' compare --resume --out rates --lr-grid 1e-2,x
fails 2 'has the learning rate 0\.01 twice' compare --resume --out rates --lr-grid 1e-2,1e-2
fails 2 'above 0' compare --resume --out rates --lr-grid 0,1

# ---------------------------------------------------------------- until it is decided

learned --variants dense,sigma-moe,topk:k=5 --until-decided --max-seeds 5 --margin 0 --out open
is_so open "r['looks'] in ([3], [3, 4], [3, 4, 5]) and len(r['looks']) + 2 == r['seeds'] == v['dense']['seeds']"
is_so open "abs(t['confidence'] - (1 - 0.05 / len(r['looks']) / (len(r['looks']) + 1))) < 1e-12"
is_so open "r['seeds'] == 5 or not any(p['verdict'] == 'undecided' and (v[p['a']]['tied_with_best'] or
    v[p['b']]['tied_with_best']) for p in t['pairs'])"
# A wide margin is decided at once.
learned --variants dense,sigma-moe --until-decided --max-seeds 9 --margin 0.2 --out shut
is_so shut "r['looks'] == [3] and t['pairs'][0]['verdict'] == 'equal' and 'are equal within the margin' in t['conclusion']"
is_so shut "v['dense']['tied_with_best'] and v['sigma-moe']['tied_with_best']"
fails 2 'max-seeds' compare --resume --out shut --until-decided --max-seeds 2

# ---------------------------------------------------------------- a plan

find shut | sort >before
works compare --plan --out shut
{ grep -q 'dense .* 3 of 3$' stdout && grep -q '^0 runs ' stdout; } || problem "the plan of a finished comparison: $(cat stdout)"
grep -q 'in 4 of 5 comparisons. Every pair that matters is decided.' stdout || problem "no power: $(cat stdout)"
works compare --plan --seeds 6 --variants +switch --out shut
grep -q "switch .* 0 of 6$" stdout || problem "rows of a plan: $(cat stdout)"
grep -q "^12 runs of 200 steps left to train: " stdout || problem "work of a plan: $(cat stdout)"
find shut | sort | cmp -s - before || problem "a plan leaves files"
works compare --plan --data data --base ./moe.json --variants dense,sigma-moe --out not-begun
[ ! -e not-begun ] || problem "a plan makes its directory"
grep -q '^6 runs ' stdout || problem "the plan of a new comparison: $(cat stdout)"

# ---------------------------------------------------------------- one seed, and sweeps

learned --variants dense,sigma-moe --seeds 1 --out one
is_so one "'No verdict on quality from 1 seed' in t['conclusion'] and v['dense']['tied_with_best'] is None"
is_so one "t['pairs'][0]['verdict'] == 'undecided' and t['pairs'][0]['low'] is None"

echo '{"base": "demo", "set": {"d_model": 16, "n_heads": 1, "d_head": 16, "unroll": 16}, "rows": ["dense", "sigma-moe"],
    "settings": {"steps": 3, "batch": 2, "valid_tokens": 200}, "test_tokens": 200}' >rows.json
works sweep rows.json --data data --out sweep
sums sweep >before
sed 's/"sigma-moe"\]/"sigma-moe", "switch"]/' rows.json >more.json
works sweep more.json --data data --out sweep --resume --seeds 3
sums sweep >after
grep -vxFf after before >lost || true
[ ! -s lost ] || problem "a sweep's runs were trained again: $(cat lost)"
{ [ -d sweep/runs/dense ] && [ -d sweep/runs/dense-seed2 ] && [ -d sweep/runs/switch-seed1 ]; } || problem "$(ls sweep/runs)"

# Rows of one's own beside the table's stay when the sweep goes on.
works sweep more.json --data data --out sweep --resume --variants +topk:k=9
works sweep more.json --data data --out sweep --resume
is_so sweep "[x['variant'] for x in t['variants']] == ['dense', 'sigma-moe', 'switch', 'topk:k=9'] and r['seeds'] == 3"
is_so sweep "v['topk:k=9']['published'] is None and len(v['topk:k=9']['runs']) == 3"

finish
