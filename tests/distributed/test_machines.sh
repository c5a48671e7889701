#!/bin/sh
# Processes on two machines: network namespaces with a cable between them, each with a host name of its own. What they compute
# does not depend on where they are, a cable that is slow, that stalls or is out for a moment costs nothing but time, and one that
# stays out ends all of them.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
# shellcheck source=tests/distributed/common.sh
. "$2/tests/distributed/common.sh"
make_data data
write_config noisy.json "$MOE" 0.2

# ---------------------------------------------------------------- the machines

name=sigmoe$$ # of the namespaces, with the machine's number
relay=
tear_down() {
    if [ -n "$relay" ]; then kill "$relay"; fi
    for machine in 1 2; do ip netns delete "$name.$machine" 2>/dev/null || true; done
    rm -rf "$work"
}
command -v ip >/dev/null || not_run "two machines: iproute2 is not installed"
trap tear_down EXIT
{
    ip netns add "$name.1" && ip netns add "$name.2" &&
        ip link add cable netns "$name.1" type veth peer name cable netns "$name.2" && unshare --uts true
} 2>refusal || not_run "two machines: the system allows no network namespaces: $(head -n 1 refusal)"
connect() {
    for machine in 1 2; do
        ip -n "$name.$machine" address add "10.77.0.$machine/24" dev cable
        ip -n "$name.$machine" link set cable up
        ip -n "$name.$machine" link set lo up
    done
}
connect
cable() { ip -n "$name.2" link set cable "$1"; }

# What mpirun calls in place of ssh: agent ADDRESS WORD...
cat >agent <<AGENT
#!/bin/sh
machine=\${1##*.}
shift
exec ip netns exec "$name.\$machine" unshare --uts sh -c "hostname machine\$machine; \$*"
AGENT
chmod +x agent
# Open MPI 4's names of parameters, and those of 5, whose launcher is PRRTE.
cat >both <<BOTH
#!/bin/sh
export OMPI_MCA_plm_rsh_agent="$work/agent" PRTE_MCA_plm_ssh_agent="$work/agent"
export OMPI_MCA_oob_tcp_if_include=cable PRTE_MCA_prte_if_include=cable
export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=cable
hostname machine1
exec mpirun --host 10.77.0.1:1,10.77.0.2:1 -n 2 "\$@"
BOTH
chmod +x both
# machines COMMAND...: a process on each. Its output stays in stdout and stderr.
machines() {
    status=0
    timeout 120 ip netns exec "$name.1" unshare --uts ./both "$@" >stdout 2>stderr || status=$?
}
machines_work() {
    machines "$program" "$@"
    [ "$status" -eq 0 ] || problem "$*: exit status $status: $(cat stderr)"
}
machines hostname
[ "$(sort stdout | tr '\n' ' ')" = "machine1 machine2 " ] ||
    not_run "two machines: mpirun does not start processes on both: $(cat stdout stderr | head -n 3 | tr '\n' ' ')"

# ---------------------------------------------------------------- the same results

# shellcheck disable=SC2086
ranks_work 2 train --config noisy.json --data data --out here $SETTINGS --zero 1
# shellcheck disable=SC2086
machines_work train --config noisy.json --data data --out there $SETTINGS --zero 1
same_bits here there
# shellcheck disable=SC2086
ranks_work 2 train --config noisy.json --data data --out spread.here $SETTINGS --expert-parallel 2
# shellcheck disable=SC2086
machines_work train --config noisy.json --data data --out spread.there $SETTINGS --expert-parallel 2
same_bits spread.here spread.there

# ---------------------------------------------------------------- the cable

# disturbed RUN TIMEOUT STEPS: a training in the background, which has begun. `wait $both` gives its exit status.
disturbed() {
    {
        # shellcheck disable=SC2086
        machines "$program" train --config noisy.json --data data --out "$1" $SETTINGS --steps "$3" --valid-every 0 \
            --checkpoint-every 50 --schedule constant --collective-timeout "$2" --quiet
        exit "$status"
    } &
    both=$!
    wait_for "$1"
}
lines() { wc -l <"$1/metrics.jsonl"; }
# shellcheck disable=SC2086
ranks_work 2 train --config noisy.json --data data --out calm $SETTINGS --steps 2000 --valid-every 0 --schedule constant --quiet
disturbed moment 60 2000
cable down
before=$(lines moment)
sleep 1
during=$(lines moment)
cable up
wait $both || problem "a cable that was out for a second: $(cat stderr)"
[ "$during" -le $((before + 2)) ] || problem "the machines need no cable: $before steps, and $during without"
[ "$before" -lt 2000 ] || problem "the training was over before the cable was out"
cmp -s calm/checkpoints/00002000/model.safetensors moment/checkpoints/00002000/model.safetensors ||
    problem "a cable that was out for a second: other weights, or none"

disturbed cut 4 1000000
sleep 0.5
cable down
wait_until 300 grep -q '^sigmoe: ' stderr
cable up # for mpirun, which ends what is on the other side
wait $both && problem "a cable that stays out: exit status 0"
# Each side may tell of the other, but of nothing else; it may have waited for a checkpoint.
checkpoint='(the checkpoint of step [0-9]+ was not written, earlier ones are whole: )?'
grep -qE "^sigmoe: ${checkpoint}rank 1 on machine2 has not answered for 4 s" stderr ||
    problem "a cable that stays out: $(cat stderr)"
if grep '^sigmoe: ' stderr | grep -qvE "^sigmoe: ${checkpoint}rank [01] on machine[12] has not answered"; then
    problem "a cable that stays out: $(cat stderr)"
fi
rest cut $(($(lines cut) + 2))

# ---------------------------------------------------------------- a slow cable

[ "$failures" -eq 0 ]
[ -w /dev/net/tun ] || not_run "a slow cable: the system has no /dev/net/tun"
ip -n "$name.1" link delete cable
"$2/tests/distributed/slow_cable.py" "$name.1" "$name.2" &
relay=$!
plugged() { ip -n "$name.2" link show cable >/dev/null 2>&1; }
wait_until 100 plugged
connect
# shellcheck disable=SC2086
machines_work train --config noisy.json --data data --out slow $SETTINGS --zero 1
same_bits here slow
# shellcheck disable=SC2086
machines_work train --config noisy.json --data data --out spread.slow $SETTINGS --expert-parallel 2
same_bits spread.here spread.slow

# A stall: nothing is lost, but nothing comes.
# shellcheck disable=SC2086
ranks_work 2 train --config noisy.json --data data --out short $SETTINGS --steps 60 --valid-every 0 --schedule constant --quiet
disturbed stalled 60 60
kill -USR1 $relay
sleep 1
before=$(lines stalled)
sleep 2
during=$(lines stalled)
kill -USR2 $relay
wait $both || problem "a cable that stalled: $(cat stderr)"
[ "$during" -eq "$before" ] || problem "the stall was none: $before steps, then $during"
[ "$before" -lt 60 ] || problem "the training was over before the cable stalled"
cmp -s short/checkpoints/00000060/model.safetensors stalled/checkpoints/00000060/model.safetensors ||
    problem "a cable that stalled: other weights, or none"

[ "$failures" -eq 0 ]
