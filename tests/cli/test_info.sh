#!/bin/sh
# presets, info and bench: the paper's numbers, JSON that parses, and wrong configurations refused by key.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
vocab=30

works presets
grep -q '^wt-s-dense ' stdout || problem "presets does not list wt-s-dense"
works presets --json
valid_json stdout
python3 - stdout <<'PYTHON' || problem "presets --json lacks something"
import json, sys
presets = {p["name"]: p for p in json.load(open(sys.argv[1]))}
for name in ("demo", "wt-s-dense", "wt-s-moe", "wt-b-moe", "e8-dense", "e8-moe"):
    assert name in presets, name
assert presets["wt-s-dense"]["published"] == 11.81, presets["wt-s-dense"]
PYTHON

# total NAME NUMBER: parameters of a preset.
total() {
    works info --preset "$1" --json
    valid_json stdout
    python3 -c 'import json, sys
got = json.load(open("stdout"))["parameters"]
sys.exit(0 if got == int(sys.argv[1]) else f"{got} parameters")' "$2" || problem "$1 should have $2 parameters"
}
total wt-s-dense 47260120
total wt-s-moe 47260232
total wt-b-dense 262479950
total wt-b-moe 262461266
total e8-dense 41234709
total e8-moe 41240793
total wt-s-star-dense 237696520
total wt-s-star-moe 237004360

works info --preset wt-s-dense
grep -q '"d_ff": 2053' stdout || problem "info does not show d_ff"
grep -qE 'parameters +47260120' stdout || problem "info does not show the total"
works info --preset wt-s-moe --json
python3 - stdout <<'PYTHON' || problem "info --json of wt-s-moe"
import json, math, sys
info = json.load(open(sys.argv[1]))
assert info["ff_flops_share"] == 0.25, info["ff_flops_share"]
assert sum(t["elements"] for t in info["tensors"]) == info["parameters"]
shapes = {t["name"]: (t["shape"], t["tensors"]) for t in info["tensors"]}
assert shapes["layers.*.ff.experts.up"] == ([16, 412, 128], 16), shapes
assert info["train_bytes"] > 16 * info["parameters"]
assert info["config"]["ff"]["n_experts"] == 16
PYTHON
works info --preset demo --set ff.k=2 --set d_model=64 --json
python3 -c 'import json
c = json.load(open("stdout"))["config"]
assert c["ff"]["k"] == 2 and c["d_model"] == 64' || problem "--set has no effect"
works info --preset demo --set ff.type=dense --set ff.d_ff=77
works info --cpu
works info --cpu --json
valid_json stdout

fails 2 'did you mean.*wt-s-dense' info --preset wt-s-dens
fails 2 'needs one of' info
fails 2 'only one' info --preset demo --cpu
fails 2 'key=value' info --preset demo --set ff.k
fails 2 'ff\.kk.*ff\.k' info --preset demo --set ff.kk=3
fails 2 'd_modle.*d_model' info --preset demo --set d_modle=3
fails 2 'ff\.k' info --preset demo --set ff.k=17
fails 2 'ff\.k' info --preset demo --set ff.k=0
fails 2 'ff\.k' info --preset demo --set ff.k=x
fails 2 'd_head' info --preset demo --set d_head=0
fails 2 'n_heads' info --preset demo --set n_heads=0
fails 2 'dropout' info --preset demo --set dropout=1.5
fails 2 'router.*sigmoid' info --preset demo --set ff.router=sigmoyd

# Each size within its range, but not all together.
fails 2 'more than 2.63 elements in all' info --preset demo --set vocab_size=1073741824 --set d_model=1048576 \
    --set n_layers=4096 --set n_heads=65536 --set d_head=16384

# The same in a file: the sentence names the file, too.
write_config good.json "$MOE"
works info --config good.json
wrong() { # wrong PATTERN SED: the good file, changed, is refused
    sed "$2" good.json >wrong.json
    cmp -s good.json wrong.json && problem "$2 changes nothing"
    fails 1 "$1" info --config wrong.json
}
wrong 'wrong.json.*d_modle.*d_model' 's/d_model/d_modle/'
wrong 'ff\.rooter.*ff\.router' 's/router/rooter/'
wrong 'memory_segments\.evil' 's/"eval"/"evil"/'
wrong 'ff\.expert_size' 's/"expert_size": 6, //'
wrong 'ff\.type.*moe' 's/"moe"/"more"/'
wrong 'd_model' 's/"d_model": 16/"d_model": "16"/'
wrong 'd_model' 's/"d_model": 16/"d_model": 1e30/'
wrong 'version' 's/"version": 1/"version": 2/'
wrong 'model_type' 's/"sigmoe"/"gpt"/'
wrong 'wrong.json' 's/}}/}/'
wrong 'wrong.json' '1s/^/[/'
for change in 's/"k": 2/"k": 5/' 's/"d_head": 8/"d_head": 0/' 's/"n_heads": 2/"n_heads": 0/'; do
    sed "$change" good.json >wrong.json
    status=0
    "$program" info --config wrong.json >stdout 2>stderr || status=$?
    [ "$status" -ne 0 ] || problem "$change is accepted"
done
fails 1 'missing.json' info --config missing.json
fails 1 . info --config .
fails 1 'missing' info --model missing

works bench layer --d-model 16 --experts 4 --expert-size 8 --k 2 --tokens 64 --threads 2 --dtype f32 --repetitions 2 --json
valid_json stdout
python3 - stdout <<'PYTHON' || problem "bench layer --json"
import json, sys
keys = ("forward_ms backward_ms total_ms gflops dense_total_ms dense_gflops ratio_to_dense peak_gflops fraction_of_peak "
        "peak_bytes isa").split()
got = json.load(open(sys.argv[1]))
assert list(got) == keys, list(got)
assert all(got[k] > 0 for k in keys[:-1]), got
PYTHON
works bench step --preset demo --batch 1 --steps 1 --threads 2 --dtype f32 --json
python3 - stdout <<'PYTHON' || problem "bench step --json"
import json, sys
got = json.load(open(sys.argv[1]))
assert list(got) == ["tokens_per_s", "model_flops_per_token", "fraction_of_peak", "peak_rss_bytes", "isa"], list(got)
assert got["tokens_per_s"] > 0
PYTHON
works bench step --config good.json --batch 1 --steps 1
fails 2 'k' bench layer --experts 4 --k 5
fails 2 'either --preset NAME or --config FILE' bench step
fails 2 'either' bench step --preset demo --config good.json

finish
