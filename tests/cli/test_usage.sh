#!/bin/sh
# shellcheck disable=SC2016  # the sentences have backquotes
# Words and options: what is wrong is named, what is nearest is offered, and --help tells exactly what the parser takes.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

# Two-word commands with an underscore, so that each is one shell word here.
COMMANDS="data_prepare data_export data_import train eval generate export forward compare sweep presets info bench_layer bench_step bench_generate bench_attention bench_kernel"
words_of() { echo "$1" | tr _ ' '; }

works help
for command in $COMMANDS; do grep -q "$(words_of "$command")" stdout || problem "help does not list $command"; done
works --help
works --version
grep -qE '^sigmoe [0-9]+\.[0-9]+\.[0-9]+$' stdout || problem "--version printed $(cat stdout)"
works help config
for key in vocab_size d_model memory_segments.eval ff.type ff.n_experts ff.router ff.n_subkeys ff.norm_compensation; do
    grep -q "  $key " stdout || problem "help config does not list $key"
done
works bench --help
works data --help

fails 2 'which command'
fails 2 'did you mean `train`' trian
fails 2 'did you mean `train`' help trian
fails 2 'did you mean `bench layer`' bench layr
fails 2 'bench needs another word' bench
fails 2 'did you mean `data prepare`' data prepair
fails 2 'did you mean --batch' train --bacth 3
fails 2 'did you mean --memory-segments' eval --memory_segments 3
fails 2 '\-\-batch needs a value' train --batch
fails 2 '\-\-batch needs a value' train --batch --steps 3
fails 2 '\-\-batch must be a whole number, not `x`' train --batch x
fails 2 '\-\-batch must be a whole number, not `2.5`' train --batch=2.5
fails 2 '\-\-batch must be 1\.\.[0-9]+, not 0' train --batch 0
fails 2 '\-\-batch must be 1\.\.[0-9]+, not -4' train --batch -4
fails 2 '\-\-batch must be 1\.\.1048576, not 99999999999999999999' train --batch 99999999999999999999
fails 2 '\-\-lr must be a number, not `nan`' train --lr nan
fails 2 '\-\-lr must be a number, not `inf`' train --lr inf
fails 2 '\-\-lr must be 0\.\.1000, not 1e999' train --lr 1e999
fails 2 '\-\-clip must be at least 0' train --clip -1
fails 2 '\-\-seed must be a whole number' forward --seed -1
fails 2 '\-\-training takes no value' forward --training=1
fails 2 'two dashes' train -o run
fails 2 'does not know what to do with `run`' train run
fails 2 'must be train or valid or test, not `trial`' eval --split trial
fails 2 'must be f32 or bf16, not `f16`' bench layer --dtype f16
fails 2 'is empty' eval --model ''

# value_for OPTION HELP-LINE: a value that the option takes.
value_for() {
    case $2 in
    *'(f32'*) echo f32 ;;
    *'(train|valid|test'*) echo test ;;
    *'('[a-z]*'|'*) printf '%s\n' "$2" | sed 's/.*(\([a-z0-9-]*\)|.*/\1/' ;;
    *'('[0-9]*..[0-9]*) printf '%s\n' "$2" | sed 's/.*(\([0-9.]*\)\.\.[0-9].*/\1/' ;;
    *) echo 1 ;;
    esac
}

# unfold: joins what a line has been folded into.
unfold() { awk '/^   / { sub(/^ +/, " "); printf "%s", $0; next } { printf "%s%s", (NR > 1 ? "\n" : ""), $0 } END { print "" }'; }

all_options=
for command in $COMMANDS; do
    # shellcheck disable=SC2046
    works $(words_of "$command") --help
    cp stdout "folded.$command"
    unfold <stdout >"help.$command"
    # shellcheck disable=SC2046
    works help $(words_of "$command")
    same stdout "folded.$command"
    grep -oE '^  --[a-z-]+' "help.$command" | tr -d ' ' >"options.$command" || true
    all_options="$all_options $(cat "options.$command")"
done
all_options=$(echo "$all_options --input --verbose --dtype --limit" | tr ' ' '\n' | sort -u)

for command in $COMMANDS; do
    words=$(words_of "$command")
    for option in $all_options; do
        line=$(grep -E -- "^  $option( |\$)" "help.$command" || true)
        # shellcheck disable=SC2086  # words are words
        if [ -z "$line" ]; then
            fails 2 "has no option $option" $words "$option" 1
        elif echo "$line" | grep -qE -- "^  $option [^ ]"; then
            works $words "$option" "$(value_for "$option" "$line")" --help
            fails 2 "$option needs a value" $words "$option"
        else
            works $words "$option" --help
        fi
    done
done

# The shown defaults are the ones in force.
grep -qE -- '--split NAME .*default test' help.eval || problem "eval --help does not show the default split"
grep -qE -- '--batch B .*default 4\)' help.eval || problem "eval --help does not show the default batch"
grep -qE -- '--d-model D .*default 412\)' help.bench_layer || problem "bench layer --help does not show the default width"
for variant in dense topk pkm-relu pkm-softmax switch s-base softmax softmax-renorm sigma-moe switch-k4 s-base-k4; do
    grep -qE "^  $variant " help.compare || problem "compare --help does not list $variant"
done

status=0
SIGMOE_CPU=sse9 "$program" presets >stdout 2>stderr || status=$?
[ "$status" -eq 2 ] || problem "an unknown SIGMOE_CPU: exit status $status"
status=0
SIGMOE_ONEDNN=on "$program" presets >stdout 2>stderr || status=$?
[ "$status" -eq 2 ] || problem "SIGMOE_ONEDNN=on: exit status $status"
grep -q 'SIGMOE_ONEDNN=on: use off, or leave it unset' stderr || problem "SIGMOE_ONEDNN=on: $(cat stderr)"
SIGMOE_ONEDNN=off "$program" info --cpu >stdout
! grep -q onednn stdout || problem "SIGMOE_ONEDNN=off: $(grep onednn stdout)"
status=0
"$program" presets >/dev/full 2>stderr || status=$?
[ "$status" -eq 1 ] || problem "a full disk behind stdout: exit status $status"

finish
