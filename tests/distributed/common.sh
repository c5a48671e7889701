# What the tests of several processes share, after tests/cli/common.sh.
# shellcheck shell=sh disable=SC2034,SC2154
command -v mpirun >/dev/null || not_run "several processes: mpirun is not installed"
"$program" --version --verbose | grep -q '^  mpi  *yes' || not_run "several processes: built without MPI"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_base_warn_component_unused=0

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
# refused PATTERN: the ranks ended with one sentence, which matches.
refused() {
    [ "$status" -ne 0 ] || problem "no failure, but expected: $1"
    [ "$(grep -c '^sigmoe: ' stderr)" -eq 1 ] || problem "not one sentence, but $(cat stderr)"
    grep -qE "^sigmoe: .*($1)" stderr || problem "not \"$1\", but $(cat stderr)"
}
# wait_for FILE: until there is something in it.
wait_for() {
    tries=0
    until [ -s "$1" ] || [ $tries -ge 600 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
}
