#!/bin/sh
# plan: the table, JSON and files of a cluster, rates that are measured here, and what cannot be planned.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
vocab=30

works plan --preset wt-b-moe --nodes 64 --cores 96 --network 25gbit --dtype bf16
for row in 'moe +data parallel' 'moe +ZeRO-1' 'moe +expert parallel' 'moe +expert \+ ZeRO' 'dense +data parallel' 'dense +ZeRO-1'; do
    grep -qE "^$row " stdout || problem "no row of $row"
done
grep -q '^dense .*expert' stdout && problem "experts of a dense model"
grep -q "^rates: .*the library's own" stdout || problem "plan does not say whose rates"
grep -q '^moe: .* is fastest on 64 nodes' stdout || problem "plan gives no verdict"

# One node talks to nobody; two send all gradients once, as 2 (R - 1) / R of them; the optimizer of ZeRO-1 is halved.
works plan --preset wt-s-moe --json
cp stdout one.json
works plan --preset wt-s-moe --nodes 2 --json
valid_json stdout
python3 - <<'PYTHON' || problem "plan --json"
import json

one, two = json.load(open("one.json")), json.load(open("stdout"))
assert list(two) == ["nodes", "cores", "dtype", "out", "rows", "summary"], list(two)
assert [r["scheme"] for r in two["rows"]] == ["data parallel", "ZeRO-1", "expert parallel", "expert + ZeRO", "data parallel", "ZeRO-1"]
for r in one["rows"]:
    assert r["communication_seconds"] == r["traffic_bytes"] == 0 and r["problem"] is None, r
    assert abs(r["speedup"] - 1) < 1e-9 and abs(r["tokens_per_s"] * r["seconds"] - 64 * 256) < 1e-3, r
parameters = 47260232
data, zero, expert = two["rows"][:3]
assert abs(data["traffic_bytes"] - 4 * parameters) < 1e5, data  # and what the regularizer needs
assert abs(data["memory_bytes"] - zero["memory_bytes"] - 4 * parameters) < 1, (data, zero)
assert data["memory_bytes"] < one["rows"][0]["memory_bytes"] and 1 < data["speedup"] < 2
# Four trips of 16 layers, of K = 4 rows for each of 32 x 256 tokens, of which half stay; and half of the experts are the other's.
rows = 4 * 16 * 32 * 256 * 4 * 412 * 4 / 2
shared = parameters - 16 * 16 * 2 * 412 * 128
assert abs(expert["traffic_bytes"] - rows - 4 * shared) < 1e5, expert
PYTHON

works plan --preset wt-s-moe --nodes 3 --batch 12
grep -q 'moe, expert parallel: 16 experts cannot be divided among 3 ranks' stdout || problem "3 ranks divide 16 experts"
works plan --preset wt-s-dense --nodes 3 --batch 12
grep -q '^moe' stdout && problem "a dense model has a twin"
works plan --preset wt-s-pkm-relu --nodes 2

write_config config.json "$MOE"
works plan --config config.json --calibrate rates.json --threads 1
grep -q 'rates.json' stdout || problem "--calibrate does not say what it wrote"
valid_json rates.json
works plan --config config.json --nodes 4 --batch 8 --rates rates.json --out figures
grep -q '^rates: .*from a file' stdout || problem "plan does not say that the rates were measured"
grep -q '^strong,moe,expert parallel,4,8,' figures/scaling.csv || problem "no row in scaling.csv"
grep -q '^strong,moe,data parallel,16,' figures/scaling.csv && problem "16 nodes share 8 sequences"
if command -v gnuplot >/dev/null; then
    for name in weak strong; do
        grep -q '</svg>' "figures/$name-scaling.svg" || problem "no picture of $name scaling"
        [ -s "figures/$name-scaling.png" ] || problem "no PNG of $name scaling"
    done
fi
fails 2 'exists already' plan --config config.json --rates rates.json --out figures
works plan --config config.json --rates rates.json --out figures --force
works plan --config config.json --calibrate "$PWD/again.json" --threads 1 --json
valid_json stdout
cmp -s stdout again.json || problem "--calibrate --json prints something else than it wrote"

fails 2 'either --preset' plan
fails 2 'leaves some of 128 nodes' plan --preset wt-b-moe --nodes 128
fails 2 'cannot be divided among 48 nodes' plan --preset wt-b-moe --nodes 48
fails 2 'network' plan --preset demo --network fast
fails 2 'nodes' plan --preset demo --nodes 0
fails 2 'threads is for --calibrate' plan --preset demo --threads 2
fails 2 'nodes is for a plan' plan --preset demo --nodes 2 --calibrate more.json
fails 2 'ff.type is moe' plan --preset wt-s-dense --calibrate dense.json
fails 2 'sub-keys cannot be planned' plan --preset wt-s-pkm-relu --set ff.knn=8
fails 1 'no-such' plan --preset demo --rates no-such.json
echo '{"version": 1, "threads": 1, "memory_gb_per_s": -1}' >bad.json
fails 1 'bad.json.*memory_gb_per_s' plan --preset demo --rates bad.json

finish
