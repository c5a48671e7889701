#!/bin/sh
# bench and the memory that info predicts: keys, sizes that make no sense, and the peers' script without PyTorch.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

# has_keys LIST: the object in stdout has these keys in this order, with numbers above 0 in all but "dtype" and "isa".
has_keys() {
    valid_json stdout
    python3 - "$1" <<'PYTHON' || problem "keys are not $1"
import json, sys
keys, got = sys.argv[1].split(), json.load(open("stdout"))
assert list(got) == keys, list(got)
assert all(got[k] > 0 for k in keys if k not in ("dtype", "isa")), got
PYTHON
}

works bench attention --batch 1 --queries 8 --memory 8 --heads 2 --head-width 5 --threads 2 --repetitions 2 --json
has_keys "forward_ms backward_ms total_ms forward_flops total_flops forward_gflops gflops peak_gflops forward_fraction_of_peak fraction_of_peak isa"
python3 - <<'PYTHON' || problem "attention's work is miscounted"
import json
got = json.load(open("stdout"))
pairs = 2 * sum(8 + i for i in range(1, 9))  # query i sees the memory and i keys
assert got["forward_flops"] == 6 * 5 * pairs and got["total_flops"] == 18 * 5 * pairs, got
PYTHON
works bench attention --batch 1 --queries 8 --memory 0 --heads 1 --head-width 4 --repetitions 1 --pin
grep -q 'GF/s' stdout || problem "bench attention prints no table"
fails 2 'head-width' bench attention --head-width 0
fails 2 'dtype' bench attention --dtype f64

works bench kernel top_k --repetitions 1 --threads 2 --json
valid_json stdout
python3 - <<'PYTHON' || problem "bench kernel --json"
import json
got = json.load(open("stdout"))
assert list(got) == ["rows", "peak_gflops", "bf16_peak_gflops", "peak_gigabytes_per_s", "isa"], list(got)
assert {r["operation"] for r in got["rows"]} == {"top_k"}
for shape in {r["shape"] for r in got["rows"]}:
    rows = [r for r in got["rows"] if r["shape"] == shape]
    assert rows[-1]["implementation"] == "ref"
    assert [r["chosen"] for r in rows] == [True] + [False] * (len(rows) - 1), rows
    assert all(r["ms"] > 0 and r["bound"] == "memory" and r["fraction_of_bound"] > 0 for r in rows)
PYTHON
works bench kernel layer_norm --repetitions 1
grep -q 'layer_norm' stdout || problem "bench kernel prints no table"
SIGMOE_CPU=scalar "$program" bench kernel layer_norm --repetitions 1 >stdout
grep -q 'avx' stdout && problem "SIGMOE_CPU=scalar does not narrow bench kernel"
fails 2 'no operation .topk.' bench kernel topk

for type in f32 bf16; do
    works bench generate --preset demo --context 20 --tokens 3 --threads 2 --dtype "$type" --json
    has_keys "tokens_per_s bytes_per_token gigabytes_per_s fraction_of_bandwidth dtype isa"
    python3 - "$type" <<'PYTHON' || problem "bench generate counts wrong bytes"
import json, sys
got = json.load(open("stdout"))
assert got["dtype"] == sys.argv[1]
assert abs(got["gigabytes_per_s"] - 1e-9 * got["bytes_per_token"] * got["tokens_per_s"]) < 1e-6 * got["gigabytes_per_s"], got
PYTHON
done
# Of this many numbers: attention and its 20 rows, router and 2 experts of 3 in each of 2 layers, and the output layer.
vocab=30
write_config generate.json '"type": "moe", "n_experts": 3, "expert_size": 6, "k": 2, "router": "sigmoid", "regularizer": "none"'
works bench generate --config generate.json --context 20 --tokens 2 --json
python3 - "$vocab" <<'PYTHON' || problem "bench generate counts wrong bytes of experts"
import json, sys
numbers = 2 * (4 * 16 * 16 + 3 * 16 * 20 + 3 * 16 + 2 * 2 * 6 * 16) + 16 * int(sys.argv[1])
assert json.load(open("stdout"))["bytes_per_token"] == 4 * numbers, numbers
PYTHON
# Sub-keys that choose are not in 8 bits, unlike the 2 x 3 values that they find.
write_config generate.json '"type": "pkm", "n_heads": 2, "n_subkeys": 6, "knn": 3, "activation": "relu"'
works bench generate --config generate.json --context 20 --tokens 2 --dtype int8 --json
python3 - "$vocab" <<'PYTHON' || problem "bench generate counts wrong bytes of a product-key memory"
import json, sys
wide, narrow = 2 * (3 * 16 * 20 + 2 * 6 * 16), 2 * (4 * 16 * 16 + 2 * 3 * 16) + 16 * int(sys.argv[1])
assert json.load(open("stdout"))["bytes_per_token"] == 4 * wide + narrow, (wide, narrow)
PYTHON
works bench generate --preset demo --tokens 2
grep -q 'bandwidth' stdout || problem "bench generate prints no table"
fails 2 'either --preset' bench generate
fails 2 'context' bench generate --preset demo --context 0

# rss COMMAND WORD...: peak_rss_bytes that it prints.
rss() { "$program" "$@" --json | python3 -c 'import json, sys; print(int(json.load(sys.stdin)["peak_rss_bytes"]))'; }

# The measured fixed part of a small process is in the prediction: allow 10 % and 2 MB. Sanitizers have memory of their own.
predicts() {
    predicted=$(rss info "$@")
    measured=$(rss bench step --threads 2 --steps 1 "$@")
    python3 -c 'import sys
predicted, measured = map(int, sys.argv[1:])
sys.exit(abs(predicted - measured) > 0.1 * measured + 2e6)' "$predicted" "$measured" ||
        problem "info predicts $predicted bytes for $*, but it takes $measured"
}
if ! grep -qE '__(asan|tsan|ubsan)_' "$program"; then
    predicts --preset demo --batch 1
    predicts --preset demo --batch 24
    predicts --preset wt-s-moe --set n_layers=4 --batch 4
    predicts --preset wt-s-dense --set n_layers=4 --batch 4 --recompute ff
    predicts --preset wt-s-moe --set n_layers=6 --batch 4 --recompute all
fi
# What was a larger process before is not counted.
large_before() {
    python3 -c 'import os, sys
large = b"x" * (400 << 20)
os.execv(sys.argv[1], sys.argv[1:])' "$program" "$@" --json | python3 -c 'import json, sys
sys.exit(json.load(sys.stdin)["peak_rss_bytes"] > 400e6)' || problem "$1 counts the memory of the process before it"
}
if ! grep -qE '__(asan|tsan|ubsan)_' "$program"; then
    large_before info --preset demo --batch 1
    large_before bench step --preset demo --batch 1 --steps 1
fi
works bench step --preset demo --batch 1 --steps 1 --recompute all --json
has_keys "tokens_per_s model_flops_per_token fraction_of_peak peak_rss_bytes isa"
fails 2 'recompute' bench step --preset demo --recompute some

for type in f32 bf16; do
    works bench step --preset demo --batch 2 --steps 2 --threads 2 --dtype "$type" --breakdown --json
    valid_json stdout
    python3 - "$type" <<'PYTHON' || problem "bench step --breakdown --json"
import json, sys
got = json.load(open("stdout"))
assert list(got)[-2:] == ["isa", "breakdown"], list(got)
parts = got["breakdown"]
names = [p["part"] for p in parts]
expected = {"router", "grouping", "experts: up", "attention: projections", "norms", "dropout and residual",
            "cross entropy", "Adam", "memory", "the rest"}
assert expected <= set(names) and len(set(names)) == len(names), names
assert all(list(p) == ["part", "ms", "share", "busy"] for p in parts)
assert abs(sum(p["share"] for p in parts) - 1) < 1e-9
assert [p["ms"] for p in parts] == sorted((p["ms"] for p in parts), reverse=True)
assert all(p["ms"] >= 0 and 0 <= p["busy"] <= 1 + 1e-9 for p in parts), parts
PYTHON
done
works bench step --preset demo --batch 1 --steps 1 --set ff.type=dense --set ff.d_ff=100 --breakdown
grep -q 'feedforward: backward .*%.*%$' stdout || problem "bench step --breakdown prints no table: $(cat stdout)"

works bench layer --d-model 8 --experts 4 --expert-size 6 --k 2 --tokens 70 --repetitions 1 --threads 2 --trace trace.json
valid_json trace.json
python3 - <<'PYTHON' || problem "bench layer --trace"
import json
events = json.load(open("trace.json"))["traceEvents"]
rows = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
assert rows == {0: "part", 1: "thread 0", 2: "thread 1"}, rows
parts = [e for e in events if e["ph"] == "X" and e["tid"] == 0]
end = max(e["ts"] + e["dur"] for e in parts)
assert {"router", "grouping", "experts: up", "experts: gradients of weights"} <= {e["name"] for e in parts}
assert abs(sum(e["dur"] for e in parts) - end) < 0.1 + 1e-3 * len(parts) and parts[0]["ts"] == 0
assert all(0 <= e["ts"] and e["ts"] + e["dur"] <= end + 0.01 for e in events if e["ph"] == "X")
PYTHON
fails 1 'none' bench layer --d-model 8 --experts 1 --expert-size 1 --k 1 --tokens 1 --trace none/trace.json
mkdir place
fails 1 'place' bench layer --d-model 8 --experts 1 --expert-size 1 --k 1 --tokens 1 --trace place
fails 2 'batch' info --preset demo --batch 0

# Python files parse; without PyTorch and without a network there is one sentence.
for file in "$root"/bench/peers/*.py; do
    python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file" || problem "$file does not parse"
done
sh -n "$root/bench/peers/run" || problem "bench/peers/run does not parse"
mkdir -p peers/bench peers/build
cp -r "$root/bench/peers" peers/bench/
ln -s "$program" peers/build/sigmoe
status=0
(cd peers && PIP_NO_INDEX=1 PEERS_PYTHON=/nonexistent/python bench/peers/run) >stdout 2>stderr || status=$?
[ "$status" -eq 1 ] || problem "peers/run without PyTorch: exit status $status"
[ "$(wc -l <stderr)" -eq 1 ] || problem "peers/run without PyTorch says more than a sentence: $(cat stderr)"
grep -q '^bench/peers/run: .*PyTorch' stderr || problem "peers/run without PyTorch says: $(cat stderr)"
[ ! -e peers/.venv ] || problem "peers/run left half an environment behind"
rm peers/build/sigmoe
(cd peers && bench/peers/run) >stdout 2>stderr && problem "peers/run works without the program"
grep -q './run build' stderr || problem "peers/run without the program says: $(cat stderr)"

finish
