#!/bin/sh
# A training that is killed, or asked to stop, at random moments inside an epoch, dropout on, and resumed until it is done,
# leaves the same bytes as one that was never interrupted.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE" 0.2
STEPS=400
LAST=00000400

# 54000 tokens in 24 streams are 187 segments of 12, so that two epochs end before the last step.
start() { # start RUN: in the background; its number in $process
    "$program" train --config moe.json --data data --out "$1" --batch 24 --steps $STEPS --checkpoint-every 7 --lr 1e-3 \
        --seed 9 --valid-every 50 --valid-tokens 300 >"$1.out" 2>"$1.err" &
    process=$!
}

steps_logged() { if [ -e "$1/metrics.jsonl" ]; then wc -l <"$1/metrics.jsonl"; else echo 0; fi; }

# Waits until `steps` lines are logged or the process has ended.
wait_for_steps() {
    while kill -0 "$process" 2>/dev/null && [ "$(steps_logged "$1")" -lt "$2" ]; do sleep 0.02; done
}

random_below() { od -An -N4 -tu4 /dev/urandom | awk -v n="$1" '{print $1 % n}'; }

ended() { # ended: waits for the process; its exit status in $status
    status=0
    wait "$process" || status=$?
}

start whole
ended
[ "$status" -eq 0 ] || problem "the uninterrupted training ended with $status: $(tail -n 1 whole.err)"

interrupted() { # interrupted SIGNAL STATUS
    run=run.$1
    times=0
    start "$run"
    while :; do
        # The first time often before step 7: the checkpoint that a run begins with.
        wait_for_steps "$run" $(($(steps_logged "$run") + 1 + $(random_below $((9 + 80 * times)))))
        kill -s "$1" "$process" 2>/dev/null || true
        ended
        [ "$status" -ne 0 ] || break
        [ "$status" -eq "$2" ] || {
            problem "SIG$1: exit status $status instead of $2: $(tail -n 1 "$run.err")"
            return
        }
        times=$((times + 1))
        [ "$1" = KILL ] || [ "$(grep -c '^sigmoe: stopped after step' "$run.err")" -eq 1 ] ||
            problem "SIG$1: no sentence about where it stopped: $(cat "$run.err")"
        "$program" train --resume --out "$run" >"$run.out" 2>"$run.err" &
        process=$!
    done
    [ "$times" -ge 2 ] || problem "SIG$1 came only $times times: the training is too short for this test"
    same whole/checkpoints/$LAST "$run/checkpoints/$LAST"
    # Times differ; what was computed does not.
    for log in whole "$run"; do sed 's/"tokens_per_s": *[^,}]*//' "$log/metrics.jsonl" >"$log.metrics"; done
    same whole.metrics "$run.metrics"
    echo "SIG$1: interrupted $times times"
}

interrupted KILL 137
interrupted TERM 143
interrupted INT 130

# A run that is made longer each time, at a constant rate, which does not depend on how long it is.
held() { # held RUN STEPS WORD...: in the background
    run=$1 steps=$2
    shift 2
    "$program" train "$@" --out "$run" --steps "$steps" --schedule constant >"$run.out" 2>"$run.err" &
    process=$!
}
afresh='--config moe.json --data data --batch 24 --checkpoint-every 7 --lr 1e-3 --seed 9'
# shellcheck disable=SC2086  # a list of words
held whole.held $STEPS $afresh
ended
steps=150
# shellcheck disable=SC2086
held longer "$steps" $afresh
while :; do
    wait_for_steps longer $(($(steps_logged longer) + 1 + $(random_below 90)))
    kill -s KILL "$process" 2>/dev/null || true
    ended
    [ "$status" -ne 0 ] || [ "$steps" -lt $STEPS ] || break
    [ "$status" -eq 0 ] || [ "$status" -eq 137 ] || {
        problem "a run that is made longer: exit status $status: $(tail -n 1 longer.err)"
        break
    }
    steps=$((steps + 50 < STEPS ? steps + 50 : STEPS))
    held longer "$steps" --resume
done
same whole.held/checkpoints/$LAST longer/checkpoints/$LAST

finish
