#!/bin/sh
# Samples while a model learns: what --sample-prompt prints and keeps, that no bit of the training depends on it, and --resume.
# shellcheck disable=SC2016  # backquotes are part of the texts
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_text 60000 words
{ printf 'the `steps`\tof\n' && cat words; } >data.txt
works data prepare text data.txt --out data
vocab=$(sed -n 's/.*"vocab_size": *\([0-9]*\).*/\1/p' data/meta.json | head -n 1)
write_config moe.json "$MOE"

settings='--config moe.json --data data --batch 3 --lr 1e-2 --seed 5 --valid-every 2 --valid-tokens 200 --checkpoint-every 2'
without_speed() { sed 's/"tokens_per_s":[^,}]*//' "$1/metrics.jsonl"; }
# same_training A B: the weights, the optimizer's state and what was measured have equal bits.
same_training() {
    same "$1/checkpoints" "$2/checkpoints"
    without_speed "$1" >metrics.a
    without_speed "$2" >metrics.b
    same metrics.a metrics.b
    same "$1/valid.jsonl" "$2/valid.jsonl"
    same "$1/usage.jsonl" "$2/usage.jsonl"
}

# shellcheck disable=SC2086  # lists of words
for dtype in f32 bf16; do
    works train $settings --steps 5 --dtype $dtype --out "without.$dtype"
    ! grep -q 'sample' stderr || problem "a sample that nobody asked for: $(cat stderr)"
    absent "without.$dtype/samples.jsonl"
    works train $settings --steps 5 --dtype $dtype --out "with.$dtype" --sample-prompt "the $(printf '\n`steps`\t')" --threads 2
    [ "$(grep -c '^step [245]: sample the ↵.steps. ' stderr)" -eq 3 ] || problem "the notes of samples: $(cat stderr)"
    same_training "without.$dtype" "with.$dtype"
done
python3 - with.f32 <<'PYTHON' || problem "samples.jsonl is wrong: $(cat with.f32/samples.jsonl)"
import json, sys
lines = [json.loads(line) for line in open(f"{sys.argv[1]}/samples.jsonl", encoding="utf-8")]
assert [line["step"] for line in lines] == [2, 4, 5], lines
assert all(line["prompt"] == "the \n`steps`\t" and len(line["text"]) == 120 for line in lines), lines
assert lines[0]["text"] != lines[2]["text"]
assert json.load(open(f"{sys.argv[1]}/train.json"))["watching"]["sample_prompt"] == "the \n`steps`\t"
PYTHON

# What is kept is what `generate` says of the same weights with the same settings.
works generate --model with.f32 -p "the $(printf '\n`steps`\t')" -n 120 --temperature 0.8 --seed 1 --no-echo --no-stream
python3 - with.f32/samples.jsonl stdout <<'PYTHON' || problem "a sample is not what generate says"
import json, sys
last = json.loads(open(sys.argv[1], encoding="utf-8").readlines()[-1])
assert open(sys.argv[2], encoding="utf-8", newline="").read().rstrip("\n") == last["text"].rstrip("\n")
PYTHON

# Interrupted and resumed, a run leaves the same samples; lines beyond the checkpoint are removed.
cp -r with.f32 again
rm -r again/checkpoints/00000005
cp -r again before
works train --resume --out again
same_training with.f32 again
same with.f32/samples.jsonl again/samples.jsonl
works train --resume --out again
same with.f32/samples.jsonl again/samples.jsonl
# Also where nothing is to be written: without the prompt, what is there is cut none the less.
rm -r again && cp -r before again
unseal again
sed -i 's/"sample_prompt": "[^"]*`steps`[^"]*"/"sample_prompt": null/' again/train.json
works train --resume --out again
[ "$(wc -l <again/samples.jsonl)" -eq 2 ] || problem "samples beyond the checkpoint stay: $(cat again/samples.jsonl)"
# Another prompt, or one for a run that had none.
rm -r again && cp -r before again
works train --resume --out again --sample-prompt ''
[ "$(sed -n '3s/.*"prompt":\("[^"]*"\).*/\1/p' again/samples.jsonl)" = '""' ] || problem "an empty prompt: $(cat again/samples.jsonl)"
same_training with.f32 again
works train --resume --out without.f32 --steps 6 --sample-prompt the
[ "$(wc -l <without.f32/samples.jsonl)" -eq 1 ] || problem "a prompt on --resume has no effect"
# Damaged lines of before the checkpoint are refused, and nothing is changed.
rm -r again && cp -r before again
sed -i '1s/.*/{"step":/' again/samples.jsonl
cp -r again damaged
fails 1 'samples.jsonl: line 1 is missing, damaged or out of order' train --resume --out again
same damaged again

# What cannot be continued is refused before anything is made.
refused="train --config moe.json --data data --batch 2 --steps 1 --out x"
# shellcheck disable=SC2086  # lists of words
{
    fails 2 'sample-prompt: .*not valid UTF-8' $refused --sample-prompt "$(printf 'a\377')"
    fails 2 'sample-prompt: .*0x51|sample-prompt.*Q' $refused --sample-prompt Q
    fails 2 'sample-prompt is continued at each validation, and this run has none: see --valid-every' $refused --sample-prompt a --valid-every 0
    works train $settings --steps 1 --out unscored --valid-every 0
    fails 2 'sample-prompt is continued at each validation' train --resume --out unscored --steps 2 --sample-prompt a
    cp -r data anonymous
    python3 -c 'import json; m = json.load(open("data/meta.json")); m["tokenizer"] = {"type": "none"}
json.dump(m, open("anonymous/meta.json", "w"))'
    fails 2 'sample-prompt: the data have no tokenizer' train --config moe.json --data anonymous --batch 2 --steps 1 --out x --sample-prompt a
}
absent x

# A comparison shows one sample of each row; runs that are finished get one of another prompt from their checkpoints.
# shellcheck disable=SC2086  # lists of words
{
    rows='compare --data data --base moe.json --variants dense,sigma-moe --seeds 2 --steps 4 --batch 2 --test-tokens 200'
    works $rows --out comparison
    grep -q 'no samples in the report: --sample-prompt: byte 0x54 (T)' stderr || problem "no note of a default prompt that cannot be: $(cat stderr)"
    ! grep -q 'class="samples"' comparison/report.html || problem "samples without a prompt"
    fails 2 'sample-prompt: byte 0x3c' $rows --out x --sample-prompt 'the <b>'
    absent x
    works $rows --out sampled --force --sample-prompt 'the '
}
samples_of() { grep -h '"sample"' -A 3 "$1"/runs/*/result.json; }
[ "$(samples_of sampled | grep -c '"prompt": "the "')" -eq 4 ] || problem "runs without a sample: $(samples_of sampled)"
[ "$(grep -o '<dd><b>the </b>' sampled/report.html | wc -l)" -eq 2 ] || problem "not one sample a row in the report"
same sampled/runs/dense-seed0/checkpoints comparison/runs/dense-seed0/checkpoints
cp -r sampled before_resume
works compare --resume --out sampled
samples_of before_resume >a
samples_of sampled >b
same a b
cmp -s before_resume/runs/dense-seed0/result.json sampled/runs/dense-seed0/result.json || problem "--resume writes a result again"
works compare --resume --out comparison --sample-prompt 'the '
samples_of comparison >b
same a b
works compare --resume --out comparison
samples_of comparison >b
same a b
finish
