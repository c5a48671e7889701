#!/bin/sh
# train and eval: what they write and print, what they refuse, equal bits at any thread count, and --resume.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config dense.json "$DENSE"
write_config moe.json "$MOE"

works train --config moe.json --data data --out run --batch 3 --steps 6 --lr 1e-3 --warmup 2 --seed 5 --valid-every 3 \
    --valid-tokens 200 --checkpoint-every 3
[ "$(wc -l <run/metrics.jsonl)" -eq 6 ] || problem "metrics.jsonl has $(wc -l <run/metrics.jsonl) lines"
[ -d run/checkpoints/00000006 ] || problem "no checkpoint of step 6"
python3 - run <<'PYTHON' || problem "the run's files are wrong"
import json, sys
run = sys.argv[1]
lines = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
assert [line["step"] for line in lines] == list(range(6))
for line in lines:
    assert set("step loss reg grad_norm lr tokens_per_s".split()) <= set(line), line
assert abs(lines[0]["lr"] - 5e-4) < 1e-12 and abs(lines[1]["lr"] - 1e-3) < 1e-12
json.load(open(f"{run}/train.json"))
json.load(open(f"{run}/checkpoints/00000006/config.json"))
PYTHON

# Settings and overrides reach the model.
works train --preset demo --data data --out preset --steps 1 --batch 2 --unroll 8 --set n_layers=1 --set ff.k=1
grep -q '"k": 1' preset/checkpoints/00000001/config.json || problem "--set ff.k has no effect"
grep -q '"unroll": 8' preset/checkpoints/00000001/config.json || problem "--unroll has no effect"
works train --init run --data data --out further --batch 2 --steps 2 --set dropout=0
grep -qE '"dropout": 0(\.0)?,' further/checkpoints/00000002/config.json || problem "--set on --init has no effect"

# Without a step there is no loss to tell.
works train --config moe.json --data data --out none --batch 2 --steps 0
grep -q 'nothing was trained' stdout || problem "--steps 0 says $(cat stdout)"
! grep -qwi nan stdout stderr || problem "--steps 0: $(cat stdout stderr)"
works compare --data data --base moe.json --variants dense --out nothing --batch 2 --steps 0 --test-tokens 100
grep -q 'nothing was trained' stderr || problem "compare --steps 0 says $(cat stderr)"
! grep -qwi nan stdout stderr || problem "compare --steps 0: $(cat stdout stderr)"

# When to save, and when to validate, by default.
! [ -s none/valid.jsonl ] || problem "--steps 0 validates"
works train --config moe.json --data data --out by_default --batch 2 --steps 40
[ "$(wc -l <by_default/valid.jsonl)" -eq 20 ] || problem "$(wc -l <by_default/valid.jsonl) validations by default"
grep -q '"checkpoint_seconds": 900' by_default/train.json || problem "the cadence is not 15 minutes: $(cat by_default/train.json)"
for cadence in 2h=7200 90s=90 1.5m=90 1d=86400 end=0 0=0; do
    works train --config moe.json --data data --out cadence --batch 2 --steps 1 --force --checkpoint-every "${cadence%=*}"
    grep -q "\"checkpoint_seconds\": ${cadence#*=}\(\.0\)\?,$" cadence/train.json || problem "--checkpoint-every $cadence: $(cat cadence/train.json)"
done
for wrong in 5x m -5 1e3 0m 15min 2hours '' 1..5m inf nan 99999999999; do
    fails 2 'checkpoint-every' train --config moe.json --data data --out x --steps 1 --checkpoint-every="$wrong"
done

# A router that cannot learn is told at the start, by its variant's name where there are several.
works train --preset demo --data data --out unlearned --steps 1 --batch 2 --set ff.router=softmax_topk --set ff.k=1 --set ff.regularizer=none
[ "$(grep -c 'the router cannot learn' stderr)" -eq 1 ] || problem "nothing about a router that cannot learn: $(cat stderr)"
works train --resume --out unlearned
grep -q 'the router cannot learn' stderr || problem "nothing about a router that cannot learn on --resume: $(cat stderr)"
works compare --data data --base demo --variants softmax-renorm:k=1,switch --out unlearned_too --steps 1 --batch 2
grep -q '^softmax-renorm:k=1: the router learns from the regularizer alone' stderr || problem "compare says nothing of a router: $(cat stderr)"
! grep -q '^switch: the router' stderr || problem "Switch learns: $(cat stderr)"

# Which thread does the work does not change a bit, at a size where every kernel has several blocks for each thread.
threaded() { # threaded NAME WORD...: five steps of the demo, changed by WORD..., at 1, 2 and 3 threads
    name=$1
    shift
    for threads in 1 2 3; do
        works train --preset demo --data data --out "$name.$threads" --batch 8 --steps 5 --lr 1e-3 --seed 3 \
            --set dropout=0.1 --threads $threads "$@"
        [ "$threads" -eq 1 ] || same "$name.1/checkpoints" "$name.$threads/checkpoints"
    done
}
threaded moe --set ff.expert_dropout=0.1
threaded dense --set ff.type=dense --set ff.d_ff=512
threaded topk --set ff.type=topk --set ff.d_ff=512 --set ff.k=100
threaded pkm --set ff.type=pkm --set ff.n_subkeys=23 --set ff.activation=relu
works train --preset demo --data data --out other --batch 8 --steps 5 --lr 1e-3 --seed 4 --set dropout=0.1
! diff -rq moe.1/checkpoints other/checkpoints >/dev/null || problem "another seed gives the same weights"

# --resume of a finished run changes nothing; metrics stay.
cp -r run before
works train --resume --out run
same before run
# Nor does the command that made it, with --resume behind it.
again='--config moe.json --data data --out run --batch 3 --steps 6 --lr 1e-3 --warmup 2 --seed 5 --valid-every 3
    --valid-tokens 200 --checkpoint-every 3'
# shellcheck disable=SC2086  # a list of words
works train $again --resume --threads 1
same before run
for other in --batch=4 --warmup=3 --seed=6 --valid-every=2 --valid-tokens=201 --checkpoint-every=4 --checkpoint-every=2h \
    --dtype=bf16 --weight-decay=0.1; do
    fails 2 "the run run has ${other%=*} .*, not .*: on --resume only --steps, --lr, --clip and --schedule can change" \
        train --resume --out run "$other"
done
fails 2 'the run run has --seed 5, not 6:' train --resume --out run --seed 6
fails 2 'the run run has --dtype f32, not bf16:' train --resume --out run --dtype bf16
fails 2 'has ff.type moe, not dense:' train --resume --out run --config dense.json
fails 2 'has unroll 12, not 8:' train --resume --out run --unroll 8
fails 2 'has ff.k 2, not 1:' train --resume --out run --set ff.k=1
fails 2 'has d_model 16, not 128:' train --resume --out run --preset demo
fails 2 'only one of --preset' train --resume --out run --preset demo --init run
fails 2 'the run run has done 6 steps, and --steps asks for 5:' train --resume --out run --steps 5
same before run
works train --resume --out run --init run --set ff.k=2 --set dropout=0.1 --steps 6 --weight-decay 0
grep -q 'of 6 steps none is left to do' stdout || problem "--steps 6 of 6: $(cat stdout)"
same before run

# More steps extend a run: what is done stays, the cosine is drawn over all steps, and it is recorded.
cp -r run longer
works train --resume --out longer --steps 12
grep -q '^change  *steps 6 to 12$' stderr || problem "nothing about a changed setting: $(cat stderr)"
grep -q '^jump  *the learning rate goes from 0.0005 to 0.00075, since' stderr || problem "no jump of the rate: $(cat stderr)"
works train --resume --out longer --steps 15 --schedule constant --lr 5e-4 --clip 0.2
works train --resume --out longer --steps 15 --schedule constant --lr 5e-4 --clip 0.2
python3 - run longer <<'PYTHON' || problem "the extended run's files are wrong"
import json, math, sys
before, after = ([json.loads(line) for line in open(f"{run}/metrics.jsonl")] for run in sys.argv[1:])
assert after[:6] == before and [line["step"] for line in after] == list(range(15))
for line in after[6:12]:
    assert math.isclose(line["lr"], 1e-3 / 2 * (1 + math.cos(math.pi * (line["step"] - 2) / 12)), rel_tol=1e-6), line
assert all(line["lr"] == 5e-4 for line in after[12:])
told = json.load(open(f"{sys.argv[2]}/train.json"))
assert json.load(open(f"{sys.argv[1]}/train.json"))["history"] == []
assert told["history"] == [
    {"step": 6, "changes": {"steps": {"from": 6, "to": 12}}},
    {"step": 12, "changes": {"steps": {"from": 12, "to": 15}, "lr": {"from": 1e-3, "to": 5e-4},
        "clip": {"from": 0.25, "to": 0.2}, "schedule": {"from": "cosine", "to": "constant"}}},
], told["history"]
PYTHON

# Data that moved are named; other data are refused.
mv data moved
fails 1 'data.*--data' train --resume --out run
works train --resume --out run --data moved
same before run
mv moved data
printf 'Some other text, of other words.%.0s' $(seq 100) >other.txt
works data prepare text other.txt --out other_data
fails 2 'other_data are not what this run began with.*--data' train --resume --out run --data other_data
fails 2 'choose one' train --resume --out run --force

fails 2 'run.*exists|exists.*run' train --config moe.json --data data --out run --steps 1
same before run
works train --config dense.json --data data --out run --steps 1 --batch 2 --force
[ "$(wc -l <run/metrics.jsonl)" -eq 1 ] || problem "--force did not replace the run"

fails 2 'needs one of --preset' train --data data --out x
fails 2 'only one of --preset' train --preset demo --config moe.json --data data --out x
fails 2 'choose one' train --resume --force --out run
fails 2 'needs --data' train --preset demo --out x
fails 2 'needs --out' train --preset demo --data data
fails 1 'missing' train --preset demo --data missing --out x
fails 1 'missing' train --config missing.json --data data --out x
fails 1 'missing' train --init missing --data data --out x
fails 2 'missing' train --resume --out missing
fails 2 'did you mean' train --preset dmeo --data data --out x
fails 2 'd_modle.*d_model' train --init run --data data --out x --set d_modle=2
fails 2 'key' train --init run --data data --out x --set nothing
fails 2 '[0-9]' train --config moe.json --data data --out x --batch 100000
fails 2 '[0-9]' train --config moe.json --data data --out x --batch 2 --unroll 1000000
fails 2 'run holds the model run/checkpoints/' train --init run --data data --out run --force
fails 2 'run holds the configuration run/checkpoints/' train --config run/checkpoints/00000001/config.json --data data --out run --force
[ -f run/checkpoints/00000001/config.json ] || problem "the run that was read is gone"
fails 2 'valid_tokens is 2' train --config moe.json --data data --out x --steps 1 --batch 2 --valid-every 1 --valid-tokens 2
fails 1 . train --config moe.json --data data --out /proc/nowhere/run --batch 2 --steps 1
absent x missing

# Data and model of different alphabets.
printf 'abcabcabd%.0s' $(seq 500) >few.txt
works data prepare text few.txt --out few
fails 2 'vocab' train --config moe.json --data few --out x --batch 2 --steps 1
fails 2 'vocab' eval --model run --data few
absent x

works eval --model run --data data --split test --json
valid_json stdout
python3 - stdout data <<'PYTHON' || problem "eval --json"
import json, math, sys
got = json.load(open(sys.argv[1]))
sizes = json.load(open(f"{sys.argv[2]}/meta.json"))["splits"]["test"]
nats = got["nats_per_token"]
assert list(got)[:4] == ["tokens", "nats_per_token", "perplexity", "bits_per_token"], list(got)
assert math.isclose(got["perplexity"], math.exp(nats), rel_tol=1e-9)
assert math.isclose(got["bits_per_token"], nats / math.log(2), rel_tol=1e-9)
# Raw counts are of the whole split: sizes["tokens"] tokens of it.
assert math.isclose(got["bits_per_byte"], nats * sizes["tokens"] / math.log(2) / sizes["bytes"], rel_tol=1e-9), got
assert math.isclose(got["bits_per_char"], nats * sizes["tokens"] / math.log(2) / sizes["chars"], rel_tol=1e-9), got
assert math.isclose(got["word_perplexity"], math.exp(nats * sizes["tokens"] / sizes["words"]), rel_tol=1e-9), got
assert sizes["tokens"] - 4 <= got["tokens"] <= sizes["tokens"] - 1, (got["tokens"], sizes)
PYTHON
works eval --model run/checkpoints/00000001 --data data --split valid --batch 1 --memory-segments 0 --threads 2 --json
works eval --model run --data data --split valid --limit-tokens 50 --json
grep -qE '"tokens": (4[5-9]|50)' stdout || problem "--limit-tokens 50 scored $(grep tokens stdout)"
# Windows that overlap: a whole window's stride is the ordinary score, and without memory each window is one of forward's.
works eval --model run --data data --split test --batch 1 --memory-segments 0 --json
mv stdout ordinary
works eval --model run --data data --split test --batch 1 --memory-segments 0 --stride 12 --json
same ordinary stdout
cat >windows.py <<'PYTHON'
import json, math, struct, sys
import vector_files
T, S, N = 12, 5, 12 + 5 * 18
if sys.argv[1] == "cut":
    ids = struct.unpack_from(f"<{N + 1}H", open("data/test.bin", "rb").read(), 1024)
    vector_files.write_npy_int32("windows.npy", [ids[at : at + T + 1] for at in range(0, N - T + 1, S)])
else:
    _, (windows, _, vocab), logits = vector_files.read_safetensors("windows.safetensors")["logits"]
    nats = []
    for w, ids in enumerate(vector_files.read_npy_int32("windows.npy")):
        for i in range(T - S if w else 0, T):
            row = logits[(w * T + i) * vocab :][:vocab]
            nats.append(math.log(sum(map(math.exp, row))) - row[ids[i + 1]])
    got = json.load(open("stdout"))
    assert got["tokens"] == len(nats) == N, got
    assert abs(got["nats_per_token"] - sum(nats) / N) < 1e-5, (got, sum(nats) / N)
PYTHON
windows() { PYTHONPATH="$root/tests/oracle" PYTHONDONTWRITEBYTECODE=1 python3 windows.py "$1"; }
windows cut
works forward --model run/checkpoints/00000001 --tokens windows.npy --out windows.safetensors --memory-segments 0
works eval --model run --data data --split test --batch 1 --memory-segments 0 --stride 5 --limit-tokens 102 --json
windows check || problem "eval --stride is not the score of its windows"
fails 2 'windows have 12 tokens' eval --model run --data data --stride 13
works eval --model run --data data
fails 1 'missing' eval --model missing --data data
fails 1 'missing' eval --model run --data missing
fails 2 'needs --model' eval --data data

finish
