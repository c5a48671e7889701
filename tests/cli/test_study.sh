#!/bin/sh
# The sweeps of the study: what they promise, and that all their rows train, as they stand and at a toy's size.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data

for part in bytes pieces; do
    file=$root/docs/results/study/$part-sweep.json
    works sweep "$file" --data data --set d_model=16 --set n_layers=1 --set unroll=16 --steps 2 --batch 2 --seeds 1 \
        --test-tokens 200 --valid-tokens 200 --out "$part"
    python3 - "$file" "$part/table.json" <<'PYTHON' || problem "the $part study is not what it should be"
import json, sys
plan, table = (json.load(open(path)) for path in sys.argv[1:])
rows = [row["variant"] for row in table["variants"]]
assert rows == [row if isinstance(row, str) else row["row"] for row in plan["rows"]] and len(rows) == 25, rows  # no twins
for needed in "dense topk:k=64 pkm-softmax pkm-relu pkm-relu-init sigma-moe switch s-base noisy-topk".split():
    assert needed in plan["rows"], needed  # with all the seeds
assert plan["seeds"] >= 3
settings = plan["settings"]
assert settings["steps"] * settings["batch"] * plan["set"]["unroll"] >= 10e6
assert len(table["claims"]) >= 20, table["claims"]
PYTHON
done

finish
