#!/bin/sh
# train --tensorboard: the event files say what the logs say, also after a resume, and no bit of the training depends on them.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE"
settings='--config moe.json --data data --batch 3 --lr 1e-2 --valid-every 10 --valid-tokens 200 --checkpoint-every 30'
# A Python that has TensorBoard's own reader.
reader=
for python in "${SIGMOE_TENSORBOARD:-}" "$root/.venv/bin/python3" python3; do
    [ -n "$reader" ] || ! "$python" -c 'import tensorboard' 2>import_error || reader=$python
done
[ -n "$reader" ] || [ -z "${SIGMOE_NOT_RUN:-}" ] ||
    echo "$SIGMOE_TEST, TensorBoard's own reader: \`./run test torch\` installs it" >>"$SIGMOE_NOT_RUN"
# agree RUN: the event files' last reading has the numbers of the logs.
agree() {
    PYTHONPATH=$root/tests/cli PYTHONDONTWRITEBYTECODE=1 python3 - "$1" <<'PYTHON' || problem "the event files of $1 are wrong"
import json, struct, sys
import read_events
run = sys.argv[1]
found = read_events.read(run)
def lines(name):
    return [json.loads(line) for line in open(f"{run}/{name}")]
def rounded(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]
def check(tag, points):
    got = found.pop(tag)
    assert [p[0] for p in got] == [p[0] for p in points], (tag, got, points)
    for (step, value), (_, expected) in zip(got, points):
        assert abs(value - expected) <= 1e-6 * abs(expected), (tag, step, value, expected)
for key in "loss reg grad_norm lr tokens_per_s".split():
    check(f"train/{key}", [[line["step"] + 1, rounded(line[key])] for line in lines("metrics.jsonl")])
for key in "nats_per_token perplexity bits_per_token bits_per_char bits_per_byte word_perplexity".split():
    check(f"valid/{key}", [[line["step"], rounded(line[key])] for line in lines("valid.jsonl")])
for layer in range(2):
    got = found.pop(f"experts/layer_{layer}")
    expected = [[line["step"] + 1, line["layers"][layer]["share"]] for line in lines("usage.jsonl")]
    assert [p[0] for p in got] == [p[0] for p in expected]
    for (_, buckets), (_, shares) in zip(got, expected):
        assert len(buckets) == 4 and all(abs(b / sum(buckets) - s) < 1e-5 for b, s in zip(buckets, shares))
assert not found, sorted(found)
PYTHON
    [ -z "$reader" ] || PYTHONPATH=$root/tests/cli PYTHONDONTWRITEBYTECODE=1 "$reader" "$root/tests/cli/tensorboard_reads.py" "$1" ||
        problem "TensorBoard reads other things of $1"
}
without_speed() { sed 's/"tokens_per_s":[^,}]*//' "$1/metrics.jsonl"; }
# shellcheck disable=SC2086  # lists of words
{
    works train $settings --steps 55 --out without
    [ -z "$(find without -name '*tfevents*')" ] || problem "event files that nobody asked for"
    works train $settings --steps 55 --out run --tensorboard
}
same without/checkpoints run/checkpoints
without_speed without >a
without_speed run >b
same a b
agree run
[ "$(find run -name 'events.out.tfevents.*' | wc -l)" -eq 1 ] || problem "not one file"

# Resumed from the checkpoint of step 30, in the same second: a file behind the others, which are forgotten from there on.
rm -r run/checkpoints/00000055
works train --resume --out run
[ "$(find run -name 'events.out.tfevents.*' | wc -l)" -eq 2 ] || problem "not two files: $(find run)"
same without/checkpoints run/checkpoints
agree run
works train --resume --out run --steps 60
agree run
# From then on, too, if not before; and files of this name are sigmoe's own, which --force replaces.
works train --resume --out without --tensorboard --steps 56
grep -q '"tensorboard": true' without/train.json || problem "--tensorboard is not kept"
# shellcheck disable=SC2086  # a list of words
works train $settings --steps 1 --out run --force
[ -z "$(find run -name '*tfevents*')" ] || problem "--force leaves event files"
finish
