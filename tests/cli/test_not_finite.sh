#!/bin/sh
# shellcheck disable=SC2016  # the sentences have backquotes
# Losses that are NaN: of batches with a letter whose embedding overflows in dropout. What a training does then, that
# it says where the first NaN was, and that it does the same when it is resumed.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

# Q stands in the batches of steps 5 and 8 alone: 2 streams, of which a step reads 12 letters each.
make_text 60000 data.txt
python3 - <<'python'
text = bytearray(open("data.txt", "rb").read())
for place in (5 * 12 + 3, 8 * 12 + 2):
    text[place] = ord("Q")
open("data.txt", "wb").write(text)
python
works data prepare text data.txt --out data
vocab=$(sed -n 's/.*"vocab_size": *\([0-9]*\).*/\1/p' data/meta.json | head -n 1)
write_config dense.json "$DENSE"
make_model odd dense.json data
cp -r odd ruined
python3 - <<'python'
import json, struct

def overflow(model, rows):
    data = bytearray(open(model + "/model.safetensors", "rb").read())
    size = struct.unpack("<Q", data[:8])[0]
    begin = 8 + size + json.loads(data[8:8 + size])["embed.weight"]["data_offsets"][0]
    for row in rows:
        data[begin + 64 * row : begin + 64 * (row + 1)] = struct.pack("<16f", *[3.3e38] * 16)
    open(model + "/model.safetensors", "wb").write(data)

alphabet = json.load(open("odd/config.json"))["tokenizer"]["alphabet"]
overflow("odd", [alphabet.index(ord("Q"))])
overflow("ruined", range(len(alphabet)))
python
rm -f odd/manifest.json ruined/manifest.json # it has other sums

# run_of NAME OPTION...: a training of 12 steps, or of what the options say.
run_of() {
    name=$1
    shift
    works train --init odd --data data --out "$name" --batch 2 --steps 12 --schedule constant --checkpoint-every 4 \
        --valid-every 0 --threads 1 "$@"
}
# steps NAME: the steps of a run, one a line, with what is said of them beside numbers.
steps() {
    python3 - "$1" <<'python'
import json, sys
for number, line in enumerate(open(sys.argv[1] + "/metrics.jsonl")):
    line = json.loads(line)
    assert line["step"] == number, line
    assert (line["loss"] is None) == line.get("skipped", False), line
    marks = [key if line[key] is True else "%s=%d" % (key, line[key]) for key in ("skipped", "rewound_from") if key in line]
    print(number, *marks)
python
}
# says NAME TEXT: what a run's newest trainer.json says of its odd steps.
says() {
    found=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["odd_steps"])' "$1/checkpoints/00000012/trainer.json")
    [ "$found" = "$2" ] || problem "$1: $found instead of $2"
}
# marks NAME TEXT: the marked steps are these.
marks() {
    found=$(steps "$1" | grep ' ' | tr '\n' ';')
    [ "$found" = "$2" ] || problem "$1: the steps are marked $found instead of $2"
}

# ---------------------------------------------------------------- stop

fails 1 '^sigmoe: step 5: the loss is not finite, first the output of the embedding; .*--on-nonfinite' train --init odd \
    --data data --out stopped --batch 2 --steps 12 --schedule constant --checkpoint-every 4 --valid-every 0 --threads 1
cp -r stopped stopped_at_4
[ "$(wc -l <stopped/metrics.jsonl)" -eq 6 ] || problem "a run that stopped has other lines: $(cat stopped/metrics.jsonl)"

# ---------------------------------------------------------------- skip

run_of skipped --on-nonfinite skip
grep -q '^step 8: the loss is not finite, .*: skipped$' stderr || problem "no note about a step that is skipped: $(cat stderr)"
marks skipped '5 skipped;8 skipped;'
says skipped "{'skipped': 2, 'skipped_in_a_row': 0, 'batches_left_out': 0, 'lr_scale': 1.0}"
works info --model skipped
works watch skipped
run_of parts --on-nonfinite skip --steps 6
works train --resume --out parts --steps 12
same parts/checkpoints/00000012/model.safetensors skipped/checkpoints/00000012/model.safetensors
marks parts '5 skipped;8 skipped;'
# A run that stopped can go on otherwise, and remembers it.
works train --resume --out stopped --on-nonfinite skip --steps 7
works train --resume --out stopped --steps 12
same stopped/checkpoints/00000012/model.safetensors skipped/checkpoints/00000012/model.safetensors
run_of bf16 --on-nonfinite skip --dtype bf16
marks bf16 '5 skipped;8 skipped;'

# Where no letter can be read, no step after the first helps.
fails 1 '^sigmoe: step 100: .*; 100 steps before it were skipped, too$' train --init ruined --data data --out ruin --batch 2 \
    --steps 200 --valid-every 0 --on-nonfinite skip
[ "$(grep -c ': skipped$' stderr)" -eq 100 ] || problem "100 steps are not skipped: $(wc -l <stderr) notes"

# ---------------------------------------------------------------- rewind

run_of back --on-nonfinite rewind
grep -q '^step 5: .*: back to step 4, with the batches behind this one$' stderr || problem "no note about going back: $(cat stderr)"
marks back '4 rewound_from=6;'
says back "{'skipped': 0, 'skipped_in_a_row': 0, 'batches_left_out': 5, 'lr_scale': 1.0}"
# From the checkpoint of step 4, as after a kill: the same two ways back.
rm -rf parts
cp -r stopped_at_4 parts
works train --resume --out parts --on-nonfinite rewind
same parts/checkpoints/00000012/model.safetensors back/checkpoints/00000012/model.safetensors
fails 1 'step 5: .*; the run went back to step 4 10 times already$' train --init odd --data data --out lower --batch 2 --steps 12 \
    --schedule constant --checkpoint-every 4 --valid-every 0 --on-nonfinite rewind:0.5
[ "$(grep -c 'back to step 4, with a lower learning rate$' stderr)" -eq 10 ] || problem "rewinds: $(cat stderr)"

# ---------------------------------------------------------------- what is refused

for odd in '' go rewind: rewind:0 rewind:1 rewind:nan rewind:-1 rewind:0.5x skipped; do
    fails 2 'on-nonfinite' train --init odd --data data --out refused --batch 2 --on-nonfinite "$odd"
done
absent refused
fails 2 'on-nonfinite' train --resume --out back --on-nonfinite go

# ---------------------------------------------------------------- comparisons

write_config moe.json "$MOE"
compare() { works compare --base moe.json --data data --out study --variants dense --seeds 1 --steps 2 --batch 2 "$@"; }
compare --on-nonfinite skip
for file in study/compare.json study/dense/0/train.json; do
    [ -e "$file" ] || file=$(find study -name train.json)
    grep -q '"on_nonfinite": "skip"' "$file" || problem "$file does not say what a NaN does: $(grep nonfinite "$file")"
done
compare --resume
grep -q '"on_nonfinite": "skip"' study/compare.json || problem "a comparison forgets what a NaN does"
fails 2 'was begun with on_nonfinite "?skip"?, not "?stop' compare --base moe.json --data data --out study --variants dense \
    --seeds 1 --steps 2 --batch 2 --resume --on-nonfinite stop
fails 2 'on-nonfinite' compare --base moe.json --data data --out other --variants dense --seeds 1 --steps 2 --batch 2 --on-nonfinite go
absent other
finish
