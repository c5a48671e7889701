#!/bin/sh
# Experts that are spread over ranks: the curve of one process for any grid of ranks, checkpoints that are the same bytes and
# that any grid goes on with; and what is refused, or ends in between.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
# shellcheck source=tests/distributed/common.sh
. "$root/tests/distributed/common.sh"
make_data data
ROUTED='"type": "moe", "n_experts": 8, "expert_size": 6, "k": 3, "regularizer_weight": 0.01'
write_config dense.json "$DENSE"
write_config sigmoid.json "$MOE"
write_config sinkhorn.json "$ROUTED, \"router\": \"sinkhorn\", \"regularizer\": \"entropy\", \"expert_dropout\": 0.1"
write_config masked.json "$ROUTED, \"router\": \"sigmoid\", \"regularizer\": \"cv\", \"dropout\": 0.1, \"channels_kept\": 10"
# same_files A B STEP: of a checkpoint.
same_files() {
    for file in model.safetensors trainer.safetensors trainer.json; do
        cmp -s "$1/checkpoints/$3/$file" "$2/checkpoints/$3/$file" || problem "$1 and $2: $file differs"
    done
}

# ---------------------------------------------------------------- curves

# ranks, and parts of the experts; there are 4 streams of a validation, so that half of 8 ranks have no tokens in one
for model in sigmoid sinkhorn masked; do
    # shellcheck disable=SC2086
    works train --config $model.json --data data --out $model $SETTINGS
    for grid in '2 2' '4 2' '4 4' '8 4'; do
        count=${grid% *} parts=${grid#* } run=$model.${grid% *}.${grid#* }
        # shellcheck disable=SC2086
        ranks_work "$count" train --config $model.json --data data --out "$run" $SETTINGS --expert-parallel "$parts"
        same_curve "$model" "$run"
        cmp -s "$model/usage.jsonl" "$run/usage.jsonl" || problem "$run: experts' loads are not those of the whole batch"
    done
    # shellcheck disable=SC2086
    ranks_work 2 train --config $model.json --data data --out $model.parts $SETTINGS --expert-parallel 2 --accumulate 2 \
        --recompute all
    same_curve "$model" "$model.parts"
done
# shellcheck disable=SC2086
ranks_work 4 train --config sinkhorn.json --data data --out again $SETTINGS --expert-parallel 2
same_bits sinkhorn.4.2 again
# shellcheck disable=SC2086
ranks_work 2 train --config sigmoid.json --data data --out narrow $SETTINGS --dtype bf16
# shellcheck disable=SC2086
ranks_work 2 train --config sigmoid.json --data data --out narrow.2 $SETTINGS --dtype bf16 --expert-parallel 2
same_curve narrow narrow.2

# Beside experts, ranks share moments and hide sums, with the same bits; and what travels as bf16 is close.
for options in '--zero 1' '--zero 1 --dtype bf16' '--zero 1 --accumulate 2' '--zero 1 --dtype bf16 --accumulate 2'; do
    # shellcheck disable=SC2086
    ranks_work 4 train --config sinkhorn.json --data data --out apart --force $SETTINGS --expert-parallel 2 ${options#--zero 1}
    # shellcheck disable=SC2086
    ranks_work 4 train --config sinkhorn.json --data data --out shared --force $SETTINGS --expert-parallel 2 $options
    same_bits apart shared
done
# shellcheck disable=SC2086
ranks_work 4 train --config sinkhorn.json --data data --out shared --force $SETTINGS --expert-parallel 4 --zero 1
same_curve sinkhorn shared
# shellcheck disable=SC2086
ranks_work 4 train --config sinkhorn.json --data data --out shared --force $SETTINGS --expert-parallel 2 --zero 1 --wire bf16
same_curve sinkhorn shared 2e-2

# ---------------------------------------------------------------- checkpoints

# What ranks bring together is what one process has: of initial weights, and of a model that they read a part of.
# shellcheck disable=SC2086
works train --config sigmoid.json --data data --out first $SETTINGS --steps 0
# shellcheck disable=SC2086
ranks_work 4 train --config sigmoid.json --data data --out first.4 $SETTINGS --steps 0 --expert-parallel 4
same_files first first.4 00000000
# shellcheck disable=SC2086
ranks_work 2 train --init sigmoid --data data --out read $SETTINGS --steps 0 --expert-parallel 2
cmp -s sigmoid/checkpoints/00000012/model.safetensors read/checkpoints/00000000/model.safetensors ||
    problem "ranks read or write other weights than there are"
# shellcheck disable=SC2086
ranks_work 2 train --config sigmoid.json --data data --out grids $SETTINGS --schedule constant --steps 4 --expert-parallel 2
works train --resume --out grids --steps 8
ranks_work 4 train --resume --out grids --steps 10 --expert-parallel 4
ranks_work 4 train --resume --out grids --steps 12 --expert-parallel 2
# shellcheck disable=SC2086
works train --config sigmoid.json --data data --out alone $SETTINGS --schedule constant
python3 - <<'PYTHON' || problem "grids of ranks do not go on from each other's checkpoints"
import json
a, b = ([json.loads(x)["loss"] for x in open(f"{run}/metrics.jsonl")] for run in ("alone", "grids"))
assert len(a) == len(b) == 12 and all(abs(x - y) <= 1e-3 * x for x, y in zip(a, b))
PYTHON
# A rank's experts are not another's.
python3 - <<'PYTHON' || problem "ranks have the same experts"
import json, struct
with open("sigmoid.4.4/checkpoints/00000012/model.safetensors", "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    start = file.tell()
    for name, tensor in header.items():
        if ".experts." in name:
            first, last = tensor["data_offsets"]
            file.seek(start + first)
            data, each = file.read(last - first), (last - first) // 4
            assert len({data[i * each : (i + 1) * each] for i in range(4)}) == 4, name
PYTHON

# ---------------------------------------------------------------- ends

stopped_run stopped TERM --expert-parallel 2
wait "$launcher" && problem "SIGTERM to a rank: exit status 0"
grep -q '^sigmoe: stopped after step' stderr || problem "SIGTERM to a rank: $(cat stderr)"
step=$(wc -l <stopped/metrics.jsonl)
works train --resume --out stopped --steps $((step + 2))
stopped_run hung STOP --expert-parallel 2
wait "$launcher" && problem "a rank that hangs: exit status 0"
status=1
refused 'rank 1 on .* has not answered for 4 s'
kill -KILL "$second" 2>/dev/null || true

# shellcheck disable=SC2086
ranks_work 2 train --config sigmoid.json --data data --out skipped $SETTINGS --lr 1000 --clip 0 --warmup 0 --on-nonfinite skip \
    --valid-every 0 --checkpoint-every end --expert-parallel 2
grep -q skipped skipped/metrics.jsonl || problem "no step was skipped"

# ---------------------------------------------------------------- what is refused

ranks 4 train --config sigmoid.json --data data --out bad --batch 8 --expert-parallel 3
refused 'expert-parallel is 3, which does not divide the 4 ranks'
ranks 8 train --config sigmoid.json --data data --out bad --batch 8 --expert-parallel 8
refused 'expert-parallel is 8, which does not divide the 4 experts'
ranks 2 train --config dense.json --data data --out bad --batch 8 --expert-parallel 2
refused 'expert-parallel is 2, but the model has no experts'
ranks 2 train --config sigmoid.json --data data --out bad --batch 8 --expert-parallel 2 --sample-prompt a
refused 'sample-prompt needs all experts in one process'
fails 2 'expert-parallel is 2, which does not divide the 1 rank:' train --config sigmoid.json --data data --out bad --batch 8 \
    --expert-parallel 2
common='train --config sigmoid.json --data data --out bad --batch 8'
unlike "$common --expert-parallel 2" "$common"
refused 'rank 1 on .* has another --expert-parallel than rank 0'
[ ! -e bad ] || problem "a refused training leaves a directory"

[ "$failures" -eq 0 ]
