#!/bin/sh
# The runs of a comparison, spread over several processes: each is trained once, the results are those of one process, and what a
# process leaves behind another takes over.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
# shellcheck source=tests/distributed/common.sh
. "$2/tests/distributed/common.sh"
make_data data
write_config base.json "$MOE"
SETTINGS="--data data --base base.json --batch 8 --steps 6 --seeds 3 --threads 1 --quiet"

# same_results A B [TOLERANCE]: the scores of all runs, to the bit or as far as it says, and that A's runs were trained once.
same_results() {
    python3 - "$@" <<'PYTHON' || problem "$1 and $2 have different results"
import glob
import json
import sys

a, b = sys.argv[1:3]
tolerance = float(sys.argv[3]) if len(sys.argv) > 3 else 0
runs = sorted(path.split("/", 1)[1] for path in glob.glob(f"{b}/runs/*/result.json"))
assert len(runs) >= 6 and runs == sorted(path.split("/", 1)[1] for path in glob.glob(f"{a}/runs/*/result.json")), runs
for run in runs:
    x, y = (json.load(open(f"{place}/{run}")) for place in (a, b))
    assert x["steps"] == y["steps"] == 6, (run, x, y)
    for split in "valid", "test":
        nats, other = (result[split]["nats_per_token"] for result in (x, y))
        assert abs(nats - other) <= tolerance * other, (run, split, nats, other)
    lines = [json.loads(line)["step"] for line in open(f"{a}/{run.replace('result.json', 'metrics.jsonl')}")]
    assert lines == sorted(set(lines)), (run, lines)
PYTHON
}

# shellcheck disable=SC2086
works compare $SETTINGS --variants dense,sigma-moe --out alone
cp -r alone apart
for count in 2 4; do
    # shellcheck disable=SC2086
    ranks_work $count compare $SETTINGS --variants dense,sigma-moe --out "with.$count"
    same_results "with.$count" alone
    [ "$(grep -c '^report: ' stdout)" -eq 1 ] || problem "$count ranks print $(cat stdout)"
    grep -q 'sigma-moe' "with.$count/table.txt" || problem "$count ranks: no table"
done
# shellcheck disable=SC2086
works compare $SETTINGS --variants dense,sigma-moe --out plan --plan
mv stdout plan.alone
# shellcheck disable=SC2086
ranks_work 2 compare $SETTINGS --variants dense,sigma-moe --out plan --plan
cmp -s stdout plan.alone || problem "two ranks plan $(cat stdout)"
# Rates are chosen by all, and more seeds are agreed on.
# shellcheck disable=SC2086
ranks_work 2 compare $SETTINGS --variants dense,sigma-moe --lr-grid 1e-3,3e-3 --until-decided --max-seeds 4 --out grid
# shellcheck disable=SC2086
works compare $SETTINGS --variants dense,sigma-moe --lr-grid 1e-3,3e-3 --until-decided --max-seeds 4 --out grid.alone
same_results grid grid.alone
ranks_work 2 compare --resume --seeds 5 --out with.2 --threads 1 --quiet
works compare --resume --seeds 5 --out alone --threads 1 --quiet
same_results with.2 alone

# Two ranks to a run: its results but for rounding, also where it is taken up again.
# shellcheck disable=SC2086
ranks_work 4 compare $SETTINGS --variants dense,sigma-moe --out groups --ranks-per-run 2
same_results groups apart 1e-4
ranks_work 2 compare --resume --seeds 4 --out groups --threads 1 --quiet --ranks-per-run 2
works compare --resume --seeds 4 --out apart --threads 1 --quiet
same_results groups apart 1e-4

# ---------------------------------------------------------------- what is left behind

# disturb OUT SIGNAL: a comparison by 2 ranks, of which the second gets the signal while it trains.
disturb() {
    # shellcheck disable=SC2086
    mpirun --oversubscribe -n 2 "$program" compare $SETTINGS --steps 2000 --valid-every 0 --variants dense,sigma-moe --out "$1" \
        >stdout 2>stderr &
    launcher=$!
    wait_for "$1/runs/dense-seed1"
    sleep 0.1
    pkill "-$2" -P $launcher -n || problem "there is no second rank"
    if wait $launcher; then problem "SIG$2 to a rank: exit status 0"; fi
}
disturb killed KILL
[ "$(find killed/runs -name result.json | wc -l)" -lt 6 ] || problem "the rank was killed too late"
ranks_work 3 compare --resume --out killed --threads 1 --quiet
[ "$(find killed/runs -name result.json | wc -l)" -eq 6 ] || problem "not all runs are done: $(cat stdout)"

# One that is asked to stop leaves its run to the other, which ends the comparison.
disturb stopped TERM
[ "$(find stopped/runs -name result.json | wc -l)" -eq 6 ] || problem "the other rank does not go on: $(cat stderr)"
grep -q '^report: ' stdout || problem "the other rank does not report: $(cat stdout stderr)"

# ---------------------------------------------------------------- what is refused

# shellcheck disable=SC2086
ranks 2 sweep tab5-c4-s --data data --out sweep --jobs 2
refused 'jobs.* is 2, but a launcher has started 2 processes'
# shellcheck disable=SC2086
ranks 3 compare $SETTINGS --variants dense,sigma-moe --out uneven --ranks-per-run 2
refused 'ranks-per-run is 2, which does not divide the 3 processes'
[ ! -e uneven ] || problem "a refused comparison leaves a directory"
# shellcheck disable=SC2086
ranks 2 compare $SETTINGS --variants dense,unknown --out unknown
refused 'unknown'
mkdir other
touch other/mine
# shellcheck disable=SC2086
ranks 2 compare $SETTINGS --variants dense,sigma-moe --out other
refused 'other'

[ "$failures" -eq 0 ]
