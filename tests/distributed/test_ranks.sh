#!/bin/sh
# One training over several processes: the curve of one process for any number of ranks, the same bits from run to run, checkpoints
# that any number of ranks goes on with; and ranks that are asked to stop, die, hang, or train something else.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
# shellcheck source=tests/distributed/common.sh
. "$root/tests/distributed/common.sh"
make_data data

# ---------------------------------------------------------------- curves

ROUTED='"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "regularizer_weight": 0.01'
write_config dense.json "$DENSE"
write_config sigmoid.json "$MOE"
write_config sinkhorn.json "$ROUTED, \"router\": \"sinkhorn\", \"regularizer\": \"entropy\", \"expert_dropout\": 0.1"
write_config noisy.json "$ROUTED, \"router\": \"noisy_topk\", \"regularizer\": \"cv\""
write_config random.json '"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "random", "regularizer": "none"'
for model in dense sigmoid sinkhorn noisy random; do
    # shellcheck disable=SC2086
    works train --config $model.json --data data --out $model.1 $SETTINGS
    for count in 2 4; do
        # shellcheck disable=SC2086
        ranks_work $count train --config $model.json --data data --out $model.$count $SETTINGS
        same_curve "$model.1" "$model.$count"
        [ "$(wc -l <stdout)" -eq 2 ] || problem "$count ranks print $(cat stdout)"
    done
    # shellcheck disable=SC2086
    ranks_work 2 train --config $model.json --data data --out $model.parts $SETTINGS --accumulate 2 --recompute all
    same_curve "$model.1" "$model.parts"
done
# shellcheck disable=SC2086
ranks_work 2 train --config sinkhorn.json --data data --out again $SETTINGS
same_bits sinkhorn.2 again
cmp -s sinkhorn.1/usage.jsonl sinkhorn.2/usage.jsonl || problem "experts' loads are not those of the whole batch"

# ---------------------------------------------------------------- stops and resumes

stopped_run stopped TERM
wait $launcher && problem "SIGTERM to a rank: exit status 0"
grep -q '^sigmoe: stopped after step' stderr || problem "SIGTERM to a rank: $(cat stderr)"
newest=$(find stopped/checkpoints -maxdepth 1 -name '0*' | sort | tail -n 1)
[ -e "$newest/trainer.json" ] || problem "SIGTERM to a rank leaves no checkpoint: $(ls stopped/checkpoints)"
step=$(echo "${newest##*/}" | sed "s/^0*//")
[ "$step" -eq "$(wc -l <stopped/metrics.jsonl)" ] || problem "stopped at $step, with $(wc -l <stopped/metrics.jsonl) lines"
# The same bits as one process has from there, except for rounding, whatever the number of ranks.
cp -r stopped stopped.4
rest stopped $((step + 8))
ranks_work 4 train --resume --out stopped.4 --steps $((step + 8))
python3 - <<'PYTHON' || problem "one and four ranks go on in different ways"
import json
a, b = ([json.loads(x)["loss"] for x in open(f"{run}/metrics.jsonl")] for run in ("stopped", "stopped.4"))
assert len(a) == len(b) and all(abs(x - y) <= 1e-3 * x for x, y in zip(a, b))
PYTHON

# What is due depends on rank 0's logs: the validation after step 12 is there when the run goes on, and it may be the best.
# shellcheck disable=SC2086
for count in 1 2; do
    ranks_work $count train --config sigmoid.json --data data --out longer.$count $SETTINGS --schedule constant --keep-best \
        --tensorboard
    ranks_work $count train --resume --out longer.$count --steps 18 --accumulate 4
done
same_curve longer.1 longer.2

stopped_run killed KILL
wait $launcher && problem "a killed rank: exit status 0"
pgrep -P $launcher >/dev/null && problem "a killed rank leaves others behind"
step=$(wc -l <killed/metrics.jsonl)
rest killed $((step + 2))
ranks_work 2 train --resume --out killed --steps $((step + 4))

stopped_run hung STOP
wait $launcher && problem "a rank that hangs: exit status 0"
status=1
refused 'rank 1 on .* has not answered for 4 s'
kill -KILL "$second" 2>/dev/null || true

# ---------------------------------------------------------------- what ranks share

# The optimizer's state in shares, and gradients of half the size, with the same files as one process writes.
for count in 1 2 4; do
    # shellcheck disable=SC2086
    ranks_work $count train --config noisy.json --data data --out shared.$count $SETTINGS --zero 1
    [ "$count" -eq 1 ] || grep -q "^ranks  *$count, .* bytes of the optimizer's state" stderr || problem "$count ranks: $(cat stderr)"
    same_bits "noisy.$count" "shared.$count"
done
# shellcheck disable=SC2086
ranks_work 2 train --config noisy.json --data data --out rounded $SETTINGS --zero 1 --wire bf16 --accumulate 2 --trace trace.json
same_curve rounded noisy.1 5e-3
grep -qE '^ranks +[0-9]+ % of the gradients were summed behind the backward pass' stderr || problem "$(cat stderr)"
valid_json trace.json
grep -q '"ranks: gradients"' trace.json || problem "the trace shows no sums of gradients"
grep -q '"name":"embed.weight"' trace.json || problem "the trace shows no tensors on their way"
# From any checkpoint any number of ranks goes on, with shares or without.
# resumed RUN COUNT ZERO: the run that 2 ranks with shares have begun, ended by COUNT ranks.
resumed() {
    cp -r half "$1"
    ranks_work "$2" train --resume --out "$1" --steps 12 --zero "$3"
}
# shellcheck disable=SC2086
ranks_work 2 train --config noisy.json --data data --out half $SETTINGS --schedule constant --steps 6 --zero 1
# shellcheck disable=SC2086
ranks_work 2 train --config noisy.json --data data --out unbroken $SETTINGS --schedule constant
resumed half.2.1 2 1
resumed half.2.0 2 0
resumed half.1.0 1 0
resumed half.4.1 4 1
same_bits unbroken half.2.1
same_bits unbroken half.2.0
same_curve unbroken half.1.0
same_curve unbroken half.4.1

# ---------------------------------------------------------------- unrounded weights in shares

# same_run A B: losses and the last checkpoint, to the bit.
same_run() {
    same_bits "$1" "$2"
    python3 - "$1" "$2" <<'PYTHON' || problem "$1 and $2 have different losses"
import json
import sys

a, b = ([json.loads(x) for x in open(f"{run}/metrics.jsonl")] for run in sys.argv[1:3])
keys = ("step", "loss", "reg", "grad_norm")
assert len(a) == len(b) > 0 and all(x[key] == y[key] for x, y in zip(a, b) for key in keys)
PYTHON
}
# Of the first, the values of an operand are needed beside its rounded copy.
write_config topk.json '"type": "topk", "d_ff": 24, "k": 5'
write_config pkm.json '"type": "pkm", "n_subkeys": 4, "n_heads": 2, "knn": 3, "activation": "relu"'
for model in noisy topk pkm; do
    for count in 2 4; do
        for options in '' '--accumulate 2'; do
            # shellcheck disable=SC2086
            ranks_work $count train --config $model.json --data data --out whole --force $SETTINGS --dtype bf16 $options
            # shellcheck disable=SC2086
            ranks_work $count train --config $model.json --data data --out masters --force $SETTINGS --dtype bf16 $options --zero 1
            grep -q '^ranks .* of unrounded weights' stderr || problem "$model: no line tells of masters: $(cat stderr)"
            same_run whole masters
        done
    done
done
# Ranks read a checkpoint, and their own ones, and go on from them with shares or without.
# shellcheck disable=SC2086
ranks_work 2 train --config topk.json --data data --out whole --force $SETTINGS --dtype bf16 --schedule constant
# shellcheck disable=SC2086
ranks_work 2 train --config topk.json --data data --out half --force $SETTINGS --dtype bf16 --schedule constant --steps 4 --zero 1
cp -r half half.zero
ranks_work 2 train --resume --out half --steps 8 --zero 0
ranks_work 2 train --resume --out half --steps 12 --zero 1
same_run whole half
ranks_work 2 train --resume --out half.zero --steps 8 --zero 1
ranks_work 2 train --resume --out half.zero --steps 12 --zero 0
same_run whole half.zero
# shellcheck disable=SC2086
ranks_work 2 train --init whole --data data --out whole.on $SETTINGS --dtype bf16 --sample-prompt a
# shellcheck disable=SC2086
ranks_work 2 train --init whole --data data --out masters.on $SETTINGS --dtype bf16 --sample-prompt a --zero 1
same_run whole.on masters.on
cmp -s whole.on/samples.jsonl masters.on/samples.jsonl || problem "ranks with masters write other samples"
# They read weights once more where a run goes back.
for zero in 0 1; do
    # shellcheck disable=SC2086
    ranks_work 2 train --config sigmoid.json --data data --out rewound.$zero $SETTINGS --dtype bf16 --lr 1000 --clip 0 --warmup 0 \
        --on-nonfinite rewind:0.00001 --checkpoint-every 100 --zero $zero
    grep -q 'back to step' stderr || problem "no run goes back: $(cat stderr)"
done
same_run rewound.0 rewound.1

# ---------------------------------------------------------------- what is refused

# shellcheck disable=SC2086
ranks 3 train --config dense.json --data data --out three $SETTINGS
refused '8 sequences has no equal shares for 3 ranks'
[ ! -e three ] || problem "a refused training leaves a directory"
ranks 2 train --config dense.json --data data --out parts --batch 8 --accumulate 3
refused 'accumulate.* is 3, but the 4 sequences of each rank have no 3 equal parts'
make_text 50000 other.txt
works data prepare text other.txt --out other
# two FIRST SECOND: a rank with each of these, options of train.
two() { unlike "train --config dense.json --out two $1" "train --config dense.json --out two $2"; }
two '--data data --batch 4' '--data other --batch 4'
refused 'rank 1 on .* has other data than rank 0'
two '--data data --batch 4' '--data data --batch 8'
refused 'rank 1 on .* has other settings than rank 0'
two '--data data --batch 4' '--data data --batch 4 --zero 1'
refused 'rank 1 on .* has other settings than rank 0'
two '--data data --batch 4 --wire bf16' '--data data --batch 4'
refused 'rank 1 on .* has other settings than rank 0'
two '--data data --batch 4' '--data data --batch 4 --set dropout=0.3'
refused 'rank 1 on .* has another model than rank 0'
two '--data data --batch 4' '--data absent --batch 4'
refused 'rank 1 on .*absent'
[ ! -e two ] || problem "a refused training leaves a directory"

# What is not finite is so for all.
# shellcheck disable=SC2086
ranks 2 train --config sigmoid.json --data data --out burst $SETTINGS --lr 1000 --clip 0 --warmup 0
refused 'step [0-9]+: .* not finite'
# shellcheck disable=SC2086
ranks_work 2 train --config sigmoid.json --data data --out skipped $SETTINGS --lr 1000 --clip 0 --warmup 0 --on-nonfinite skip \
    --valid-every 0 --checkpoint-every end
# shellcheck disable=SC2086
works train --config sigmoid.json --data data --out skipped.1 $SETTINGS --lr 1000 --clip 0 --warmup 0 --on-nonfinite skip \
    --valid-every 0 --checkpoint-every end
[ "$(grep -c skipped skipped/metrics.jsonl)" -eq "$(grep -c skipped skipped.1/metrics.jsonl)" ] ||
    problem "ranks skip $(grep -c skipped skipped/metrics.jsonl) steps"

# Without the module, or a launcher.
mkdir bare
cp "$program" "${program%/*}"/libsigmoe.so* bare/
status=0
OMPI_COMM_WORLD_SIZE=2 bare/sigmoe train --config dense.json --data data --out bare/run --batch 4 >stdout 2>stderr || status=$?
refused 'OMPI_COMM_WORLD_SIZE says that this is one of several processes, but sigmoe was built without MPI'
bare/sigmoe train --config dense.json --data data --out bare/run --batch 4 --steps 1 >stdout 2>stderr ||
    problem "without a launcher: $(cat stderr)"

[ "$failures" -eq 0 ]
