#!/bin/sh
# Signals, closed terminals and pipes: what is saved, what goes on, and that it has the bits of a run that nobody disturbed.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE" 0.2
STEPS=250
LAST=checkpoints/00000250
settings="--data data --batch 24 --steps $STEPS --lr 1e-3 --seed 9 --valid-every 50 --valid-tokens 300 --threads 1"
train_words="train --config moe.json $settings"

steps_logged() { if [ -e "$1/metrics.jsonl" ]; then wc -l <"$1/metrics.jsonl"; else echo 0; fi; }
wait_for_steps() { # wait_for_steps RUN N: until N lines are logged or $process has ended
    while kill -0 "$process" 2>/dev/null && [ "$(steps_logged "$1")" -lt "$2" ]; do sleep 0.01; done
}
ended() { # ended STATUS: waits for $process
    status=0
    wait "$process" || status=$?
    [ "$status" -eq "$1" ] || problem "exit status $status instead of $1: $(tail -n 2 stderr)"
}
newest() { # newest RUN: prints the step of its newest checkpoint
    step=
    for checkpoint in "$1"/checkpoints/*[0-9]; do step=${checkpoint##*/}; done
    echo "$step"
}
# finished RUN: it has the last checkpoint, and that of the run that nobody disturbed. stopped RUN: not yet; goes on with it.
finished() { same "whole/$LAST" "$1/$LAST"; }
stopped() {
    [ ! -e "$1/$LAST" ] || problem "$1 was done before it could be stopped: the training is too short for this test"
    [ "$(newest "$1")" != 00000000 ] || problem "$1 saved nothing but its beginning"
    works train --resume --out "$1"
    finished "$1"
}

# shellcheck disable=SC2086
works $train_words --out whole

# ---------------------------------------------------------------- train

# shellcheck disable=SC2086
start() { # start RUN WORD...: a training in the background
    start_run=$1
    shift
    "$@" "$program" $train_words --out "$start_run" >stdout 2>stderr &
    process=$!
}

start hangup env
wait_for_steps hangup 20
kill -s HUP "$process"
ended 129
grep -q '^sigmoe: stopped after step' stderr || problem "SIGHUP: $(cat stderr)"
stopped hangup

# A terminal that closes sends it again and again, also with a SIGTERM in front or behind: none of these is an insisting second.
start hangups env
wait_for_steps hangups 20
for signal in HUP HUP TERM HUP; do kill -s $signal "$process" 2>/dev/null || true; done
ended 129
stopped hangups

# nohup.
start ignored sh -c 'trap "" HUP; exec "$@"' sh
wait_for_steps ignored 20
kill -s HUP "$process"
ended 0
finished ignored

# A time that passes.
status=0
"$program" train --config moe.json --data data --batch 24 --lr 1e-3 --valid-every 0 --threads 1 --out timed --steps 1000000 \
    --schedule constant --exit-before 2s >stdout 2>stderr || status=$?
[ "$status" -eq 130 ] || problem "--exit-before: exit status $status"
grep -q '^sigmoe: stopped after step .*, before the time of --exit-before has passed; --resume' stderr ||
    problem "--exit-before: $(cat stderr)"
[ "$(newest timed | sed 's/^0*//')" = "$(steps_logged timed | sed 's/^0$//')" ] || problem "stopped elsewhere than saved"
works train --resume --out timed --steps "$(($(steps_logged timed) + 2))" --exit-before 1h30m
status=0
"$program" train --resume --out timed --exit-before soon >stdout 2>stderr || status=$?
{ [ "$status" -eq 2 ] && grep -q 'exit-before is .soon.: give a time' stderr; } || problem "no time: $status, $(cat stderr)"

# SIGUSR1 saves and goes on, as often as it comes; a kill then loses no more than what followed.
start saved env
for saves in 1 2; do
    wait_for_steps saved $((20 * saves))
    kill -s USR1 "$process"
    while kill -0 "$process" 2>/dev/null && [ "$(grep -c 'checkpoint written' stderr)" -lt $saves ]; do sleep 0.01; done
done
kill -s KILL "$process"
wait "$process" || true
stopped saved

# ---------------------------------------------------------------- a terminal that closes

in_terminal() { # in_terminal STATUS WORD...: in_terminal.py ends with STATUS
    expected=$1 status=0
    shift
    python3 "$root/tests/cli/in_terminal.py" "$@" 2>stderr || status=$?
    [ "$status" -eq "$expected" ] || problem "in a terminal that closes: exit status $status instead of $expected: $(cat stderr)"
}
# shellcheck disable=SC2086
in_terminal 129 closed/metrics.jsonl 20 "$program" $train_words --out closed
stopped closed
# Nothing that is printed arrives any more; the training goes on.
# shellcheck disable=SC2086
in_terminal 0 --ignore-hangup alone/metrics.jsonl 20 "$program" $train_words --out alone
finished alone

# ---------------------------------------------------------------- closed pipes and descriptors

# piped RUN STATUS: what the training prints goes to a reader that ends at once.
# shellcheck disable=SC2086
{
    mkfifo pipe
    head -n 1 pipe >/dev/null &
    status=0
    "$program" $train_words --out piped >pipe 2>&1 || status=$?
    [ "$status" -eq 0 ] || problem "train into head -1: exit status $status"
    finished piped
    for closing in '>&-' '2>&-' '<&- >&- 2>&-'; do
        rm -rf shut
        status=0
        sh -c "exec \"\$@\" $closing" sh "$program" $train_words --out shut >stdout 2>stderr || status=$?
        [ "$status" -eq 0 ] || problem "train $closing: exit status $status: $(cat stderr)"
        finished shut
        ! grep -rlaq 'checkpoint written' shut || problem "train $closing: what was printed went into a file of the run"
    done
}

# A result that is printed needs a reader. eval prints when it is done: a reader that never looks is enough.
unread() { # unread STATUS PATTERN WORD...: as fails, but nobody reads standard output
    expected=$1 pattern=$2 status=0
    shift 2
    head -n 0 pipe &
    reader=$!
    exec 9>pipe
    wait "$reader"
    "$program" "$@" >&9 2>stderr || status=$?
    exec 9>&-
    [ "$status" -eq "$expected" ] || problem "sigmoe $* unread: exit status $status, expected $expected: $(cat stderr)"
    [ -z "$pattern" ] || grep -q "$pattern" stderr || problem "sigmoe $* unread: $(cat stderr)"
}
unread 141 '^sigmoe: standard output is closed' eval --model whole --data data --json
unread 141 '' presets
unread 0 '' data prepare text data.txt --out unread
same data/train.bin unread/train.bin
status=0
"$program" eval --model whole --data data --json >&- 2>stderr || status=$?
[ "$status" -eq 1 ] || problem "eval with a closed standard output: exit status $status"
grep -q '^sigmoe: cannot write to standard output' stderr || problem "eval with a closed standard output: $(cat stderr)"

# ---------------------------------------------------------------- compare and sweep

# Its two rows are dense and sigma-moe.
sweep_words="sweep tab3-wt-s $settings --test-tokens 300 --set d_model=16 --set n_layers=2 --set n_heads=2
    --set d_head=8 --set unroll=12 --set ff.expert_size=2"
first=sigma-moe
# shellcheck disable=SC2086
works $sweep_words --out sweep.whole
for jobs in 1 2; do
    for signal in HUP USR1; do
        run=sweep.$jobs.$signal
        # shellcheck disable=SC2086
        "$program" $sweep_words --jobs $jobs --out "$run" >stdout 2>stderr &
        process=$!
        wait_for_steps "$run/runs/$first" 20
        kill -s $signal "$process"
        if [ $signal = HUP ]; then
            ended 129
        else
            while kill -0 "$process" 2>/dev/null && [ "$(newest "$run/runs/$first")" = 00000000 ]; do sleep 0.01; done
            kill -s INT "$process"
            ended 130
        fi
        [ ! -e "$run/runs/$first/$LAST" ] || problem "the sweep is too short for this test"
        [ "$(newest "$run/runs/$first")" != 00000000 ] || problem "$signal, $jobs jobs: nothing was saved"
        # shellcheck disable=SC2086
        works $sweep_words --jobs $jobs --out "$run" --resume
        for row in sigma-moe dense; do same "sweep.whole/runs/$row/$LAST" "$run/runs/$row/$LAST"; done
    done
done

# nohup's wish is its runs', too.
# shellcheck disable=SC2086
sh -c 'trap "" HUP; exec "$@"' sh "$program" $sweep_words --jobs 2 --out sweep.ignored >stdout 2>stderr &
process=$!
wait_for_steps "sweep.ignored/runs/$first" 20
for each in "$process" $(cat "/proc/$process/task/$process/children"); do kill -s HUP "$each"; done
ended 0
for row in sigma-moe dense; do same "sweep.whole/runs/$row/$LAST" "sweep.ignored/runs/$row/$LAST"; done

finish
