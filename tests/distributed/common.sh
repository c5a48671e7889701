# shellcheck shell=sh disable=SC2154
# What the scripts of tests/distributed share, beside tests/cli/common.sh, which they source first. Ends the script where there
# is no MPI.
command -v mpirun >/dev/null || not_run "trainings over several processes: mpirun is not installed"
"$program" --version --verbose | grep -q '^  mpi  *yes' || not_run "trainings over several processes: built without MPI"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_base_warn_component_unused=0
SETTINGS="--batch 8 --steps 12 --lr 3e-3 --valid-every 6 --seed 5 --threads 1"

# ranks N WORD...: the command in N processes. Its output stays in stdout and stderr.
ranks() {
    count=$1
    shift
    status=0
    timeout 120 mpirun --oversubscribe -n "$count" "$program" "$@" >stdout 2>stderr || status=$?
}
# ranks_work N WORD...: they succeed.
ranks_work() {
    ranks "$@"
    [ "$status" -eq 0 ] || problem "$*: exit status $status: $(cat stderr)"
}
# unlike FIRST SECOND: two processes, each with other words. One command for both: mpirun of Open MPI 5.0 crashes with two.
unlike() {
    cat >by_rank <<BY_RANK
case \${OMPI_COMM_WORLD_RANK:-\$PMIX_RANK} in
0) exec "$program" $1 ;;
*) exec "$program" $2 ;;
esac
BY_RANK
    status=0
    timeout 120 mpirun --oversubscribe -n 2 sh by_rank >stdout 2>stderr || status=$?
}
# refused PATTERN: the ranks ended with one sentence, which matches.
refused() {
    [ "$status" -ne 0 ] || problem "no failure, but expected: $1"
    [ "$(grep -c '^sigmoe: ' stderr)" -eq 1 ] || problem "not one sentence, but $(cat stderr)"
    grep -qE "^sigmoe: .*($1)" stderr || problem "not \"$1\", but $(cat stderr)"
}
# same_curve A B [TOLERANCE]: losses, regularizers and norms agree except for rounding, and validations, too. With a tolerance, as
# far as it says, from the first step on.
same_curve() {
    python3 - "$@" <<'PYTHON' || problem "$1 and $2 have different curves"
import json
import sys


def lines(run, name):
    return [json.loads(line) for line in open(f"{run}/{name}.jsonl")]


tolerance = float(sys.argv[3]) if len(sys.argv) > 3 else 1e-3
for name, keys in ("metrics", ("loss", "reg", "grad_norm")), ("valid", ("nats_per_token", "tokens")):
    a, b = (lines(run, name) for run in sys.argv[1:3])
    assert len(a) == len(b) > 0, (name, len(a), len(b))
    for x, y in zip(a, b):
        for key in keys:
            assert abs(x[key] - y[key]) <= tolerance * abs(x[key]) + 1e-6, (name, key, x, y)
    # Before the first update nothing but the order of sums differs.
    if name == "metrics" and tolerance == 1e-3:
        assert all(abs(a[0][key] - b[0][key]) <= 2e-6 * abs(a[0][key]) for key in keys), (a[0], b[0])
PYTHON
}
# same_bits A B: of the last checkpoint.
same_bits() {
    for file in model.safetensors trainer.safetensors trainer.json; do
        cmp -s "$1/checkpoints/00000012/$file" "$2/checkpoints/00000012/$file" || problem "$1 and $2: $file differs"
    done
}
# wait_until TENTHS COMMAND...: until the command succeeds, but no longer than so many tenths of a second.
wait_until() {
    left=$1
    shift
    until "$@" || [ "$left" -le 0 ]; do
        left=$((left - 1))
        sleep 0.1
    done
}
# wait_for RUN: until it has begun.
wait_for() { wait_until 600 test -s "$1/metrics.jsonl"; }
# As the curve is drawn over all steps, a run is stopped rather than shortened.
# stopped_run RUN SIGNAL [OPTION...]: 2 ranks, of which the second gets the signal after some steps.
stopped_run() {
    run=$1 signal=$2
    shift 2
    # shellcheck disable=SC2086
    mpirun --oversubscribe -n 2 "$program" train --config sigmoid.json --data data --out "$run" $SETTINGS --quiet \
        --steps 1000000 --valid-every 0 --checkpoint-every 50 --schedule constant --collective-timeout 4 "$@" >stdout 2>stderr &
    launcher=$!
    wait_for "$run"
    second=$(pgrep -P $launcher -n)
    [ -n "$second" ] || problem "there is no second rank"
    sleep 0.5
    kill "-$signal" "$second"
}
rest() { "$program" train --resume --out "$1" --steps "$2" >stdout 2>stderr || problem "on from $1: $(cat stderr)"; }
