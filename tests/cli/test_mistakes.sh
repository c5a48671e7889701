#!/bin/sh
# shellcheck disable=SC2016  # the sentences have backquotes
# What newcomers and hostile testers do: words of other programs, files for directories and directories for files, odd numbers,
# odd names, broken configurations. Each gets one sentence that says what is wrong and what to do.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

make_data data
write_config dense.json "$DENSE"
write_config moe.json "$MOE"
works train --config moe.json --data data --out run --batch 2 --steps 1
cp -r run/checkpoints/00000001 model

# ---------------------------------------------------------------- words of other programs

# means COMMAND WORD OPTION: COMMAND has no --WORD and offers OPTION.
means() {
    # shellcheck disable=SC2086  # a command may be two words
    fails 2 "^sigmoe: $1 has no option --$2; did you mean --$3[ ?].*\`sigmoe $1 --help\` lists them" $1 "--$2" 1
}
for pair in learning-rate:lr Learning_Rate:lr batch-size:batch epochs:steps max-iters:steps seq-len:unroll \
    context-length:unroll block-size:unroll grad-clip:clip max-grad-norm:clip wd:weight-decay warmup-steps:warmup \
    random-seed:seed output:out output-dir:out dataset:data save-every:checkpoint-every eval-interval:valid-every \
    num-threads:threads overwrite:force continue:resume pretrained:init checkpoint:init gradient-checkpointing:recompute \
    precision:dtype model:init name:preset bacth:batch stpes:steps; do
    means train "${pair%:*}" "${pair#*:}"
done
for pair in checkpoint:model output:out input:tokens max-tokens:unroll; do
    case $pair in
    max-tokens:*) fails 2 'forward has no option --max-tokens; `sigmoe forward --help`' forward --max-tokens 1 ;;
    *) means forward "${pair%:*}" "${pair#*:}" ;;
    esac
done
means eval checkpoint model
means eval max-tokens limit-tokens
means eval subset split
means sweep workers jobs
means 'data prepare' vocab vocab-size
means 'bench layer' num-experts experts
fails 2 'train has no option --d-model; the configuration is changed by --set d_model=VALUE' train --d-model 3
fails 2 'the configuration is changed by --set ff.n_experts=VALUE' train --n-experts 3
fails 2 'the configuration is changed by --set ff.k=VALUE' train --k 3
fails 2 'train has no option --gpu; `sigmoe train --help` lists them' train --gpu
fails 2 'train has no option --; ' train --=3

# is_command WORD COMMAND: there is no WORD, and COMMAND is offered; "" for none.
is_command() {
    if [ -n "$2" ]; then
        fails 2 "there is no command \`$1\`; did you mean \`$2\`?" "$1"
    else
        fails 2 "there is no command \`$1\`; \`sigmoe help\` lists them" "$1"
    fi
}
for pair in prepare:'data prepare' evaluate:eval test:eval fit:train finetune:train list:presets version:--version \
    Train:train TRAIN:train; do
    is_command "${pair%:*}" "${pair#*:}"
done
for word in chat serve publish '' ' ' é; do is_command "$word" ''; done
fails 2 'there is no command `bench all`; `sigmoe bench --help` lists them' bench all

# Before the command.
fails 2 'the command comes first, its options behind it: `sigmoe train --threads ...`$' --threads 2 train --out run
fails 2 'the command comes first, its options behind it: `sigmoe bench layer --threads=2 ...`$' --threads=2 bench layer
fails 2 'behind it: `sigmoe COMMAND --threads ...`; `sigmoe help` lists the commands$' --threads 2
for word in -v -V --verson --Version; do
    fails 2 "there is no option $word; use --version$" "$word"
done

# ---------------------------------------------------------------- what stands for a model, for data, for a configuration

works info --model run
works info --model run/
works info --model model/
works eval --model run/ --data data/ --split valid
works forward --model run --tokens "$root/tests/oracle/cases/forward/dense-one-layer/tokens.npy" --out logits.safetensors
mkdir -p comparison/runs run/checkpoints/notes empty
cp data.txt 'data/my notes.txt'

# no_model SENTENCE PATH: every command that takes a model says SENTENCE of PATH.
no_model() {
    fails 1 "$1" info --model "$2"
    fails 1 "$1" eval --model "$2" --data data
    fails 1 "$1" forward --model "$2" --tokens t.npy --out y
    fails 1 "$1" analyze "$2" --data data --out x
    fails 1 "$1" train --init "$2" --data data --out x
}
no_model 'there is no model nowhere: No such file' nowhere
no_model 'data.txt is a file; a model is a directory with config.json and model.safetensors' data.txt
no_model 'model/config.json is a file; a model is a directory' model/config.json
no_model 'empty is neither a model directory .* nor a training run' empty
no_model 'run/checkpoints holds a training run.s checkpoints: name the run itself' run/checkpoints
no_model 'comparison is a comparison; its models are the directories in comparison/runs' comparison

# no_data SENTENCE PATH: as no_model, of data.
no_data() {
    fails 1 "$1" train --config dense.json --data "$2" --out x
    fails 1 "$1" eval --model run --data "$2"
    fails 1 "$1" analyze run --data "$2" --out x
    fails 1 "$1" compare --base moe.json --variants dense --data "$2" --out x
    fails 1 "$1" sweep tab3-wt-s --data "$2" --out x
}
no_data 'data.txt is a file, not prepared data: `sigmoe data prepare text data.txt --out DIR` makes data of a text' data.txt
no_data 'data/train.bin is a file of prepared data: name its directory, data$' data/train.bin
no_data 'empty is no prepared data: it has no meta.json; `sigmoe data prepare text FILE' empty
no_data 'there is no data in nowhere: No such file' nowhere
no_data 'there is no data in data.txt/: Not a directory' data.txt/

fails 1 'cannot read run: it is a directory, a file is needed' info --config run
fails 1 'cannot read nowhere.json: No such file' info --config nowhere.json
fails 1 'cannot read nowhere.json' compare --base nowhere.json --variants dense --data data --out x
fails 1 'data.txt: this is no .npy file' forward --model run --tokens data.txt --out y
fails 1 'cannot read data: it is a directory' forward --model run --tokens data --out y
absent x y

# ---------------------------------------------------------------- names

# Two slashes never follow each other, spaces and letters of other languages stay.
works train --config dense.json --data data/// --out 'a dir/é//run/' --batch 2 --steps 1
grep -q '^a dir/é/run/checkpoints/00000001$' stdout || problem "the printed checkpoint is $(tail -n 1 stdout)"
rm data/valid.bin
for place in data data/ data//; do
    fails 1 '^sigmoe: data/?: the split.s valid.bin is missing' eval --model run --data "$place" --split valid
    ! grep -q '//' stderr || problem "two slashes in $(cat stderr)"
done

# What would break the line or move the cursor is escaped: of file names, of words, of what stands in a file, in sentences, notes
# and progress lines. `fails` sees that there is one line.
break=$(printf 'a\nb\033[2Jc\177\302\233d\377e\340\200\233f\342\200\256')
shown='a\\x0ab\\x1b\[2Jc\\x7f\\u{9b}d\\xffe\\xe0\\x80\\x9bf\\u{202e}'
fails 1 "there is no model $shown: No such file" info --model "$break"
fails 1 "cannot read $shown: No such file" info --config "$break"
fails 2 "there is no command \`$shown\`" "$break"
fails 2 'train has no option --a\\x0ab\\x1b\[2J' train "--$break"
fails 2 "--steps must be a whole number, not \`$shown\`" train --steps "$break"
sed 's/"d_model"/"d_\\u001b\\nmodel"/' dense.json >escapes.json
fails 1 'escapes.json.*unknown key "d_\\x1b\\x0amodel"' info --config escapes.json
python3 - <<'python'
import struct
for name, entry in [("t", '"dtype":"\\u001b[2J\\u009b","shape":[1],"data_offsets":[0,4]'), ("\\u001b[1m\\u202e", '"dtype":"F32","shape":[2],"data_offsets":[0,4]')]:
    header = ('{"%s":{%s}}' % (name, entry)).encode()
    open("%s.safetensors" % ("dtype" if name == "t" else "name"), "wb").write(struct.pack("<Q", len(header)) + header + bytes(4))
header = b"{'descr': '\x1b[2J\x9b', 'fortran_order': False, 'shape': (1, 2), }\n"
open("descr.npy", "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(8))
python
works train --config dense.json --data data --out escapes --steps 0 --batch 2
cp -r escapes/checkpoints/00000000 odd
rm -f odd/manifest.json odd/trainer.*
cp dtype.safetensors odd/model.safetensors
fails 1 'dtype is \\x1b\[2J\\u{9b}; those known' eval --model odd --data data
cp name.safetensors odd/model.safetensors
fails 1 'tensor "\\x1b\[1m\\u{202e}"' eval --model odd --data data
fails 1 'of type \\x1b\[2J\\x9b; save' forward --model escapes --tokens descr.npy --out y.safetensors
cp -r data "$(printf 'd\033[2Jata')"
works train --config dense.json --data "$(printf 'd\033[2Jata')" --out moved --steps 0 --batch 2
rm -rf "$(printf 'd\033[2Jata')"
fails 1 '/d\\x1b\[2Jata' train --resume --out moved
long=$(head -c 100000 /dev/zero | tr '\0' x)
fails 2 'there is no command `xx*\.\.\.xx*`; `sigmoe help` lists them' "$long"
fails 2 'must be .* not `xx*\.\.\.xx*`$' train --dtype "$long"
[ "$(wc -c <stderr)" -lt 400 ] || problem "a long word is not cut: $(wc -c <stderr) bytes"
rm -rf escapes odd moved
printf 'some words, and a \377\n' >"$break"
works data prepare text "$break" --out broken
grep -q '^warning: .*(the first is byte 18 of a\\x0ab\\x1b\[2Jc' stderr || problem "a note about broken names: $(cat -v stderr)"
! LC_ALL=C grep -q '[[:cntrl:]]' stderr || problem "control characters are shown: $(cat -v stderr)"
fails 1 '^sigmoe: .*é世😀' info --model é世😀

# ---------------------------------------------------------------- numbers

number() { fails 2 "--$2 must be $1" train "--$2" "$3"; }
number '1\.\.1048576, not 99999999999999999999' batch 99999999999999999999
number '1\.\.1048576, not -99999999999999999999' batch -99999999999999999999
number 'a whole number, not `1e3`' batch 1e3
number 'a whole number, not `0x10`' batch 0x10
number 'a whole number, not ``' batch ''
number 'a whole number, not ` 3`' batch ' 3'
number 'a whole number, not `3 `' batch '3 '
number 'a whole number, not `３`' batch ３
number 'a number, not `0,1`' lr 0,1
number 'a number, not `nan`' lr nan
number '0\.\.1000, not 1e999' lr 1e999
number '0\.\.1000, not -1e999' lr -1e999
number '0\.\.1000, not -0.1' lr -0.1
number 'a number, not ``' lr ''
number 'smaller, not 18446744073709551616' seed 18446744073709551616
number 'a whole number, not `-1`' seed -1
works train --lr .1 --help
works train --lr 1e-400 --help
works train --seed 18446744073709551615 --help

# set SENTENCE ASSIGNMENT
set_refused() { fails 2 "$1" info --preset demo --set "$2"; }
set_refused '"dropout" is ".1"; write it as JSON does: 0.1$' dropout=.1
set_refused '"dropout" must be a number, not "0,1"' dropout=0,1
set_refused '"dropout" is 1; it must be in 0\.\.0.999' dropout=1
set_refused '"d_model" is 18446744073709551616; it must be in 1\.\.1048576' d_model=18446744073709551616
set_refused '"d_model" must be an integer, not a number with a fraction or an exponent' d_model=1e3
set_refused '"d_model" must be an integer, not "many"' d_model=many
set_refused '"d_model" has no value' d_model=
set_refused 'needs key=value, as in --set ff.k=4, not `d_model`' d_model
set_refused 'needs key=value' =3
set_refused 'unknown key "k"; did you mean "ff.k"\?' k=3
set_refused 'unknown key "d_modl"; did you mean "d_model"\? `sigmoe help config` lists them' d_modl=3
set_refused 'unknown key "hidden_size"; `sigmoe help config` lists them' hidden_size=3
set_refused '"lr" is no key of a model but a setting of its training, which has an option of its own' lr=3
set_refused '"ff.d_ff" is a key of ff.type dense, and this model.s ff.type is moe' ff.d_ff=3
set_refused 'ff.d_ff is 0 \(not given yet\): choose 1 to' ff.type=dense
set_refused '"ff.type" is "mo"; it must be one of dense\|topk\|pkm\|moe; did you mean "moe"\?' ff.type=mo
set_refused '"ff.router" is "best"; it must be one of [a-z_|]*$' ff.router=best
set_refused 'ff.k is 4, but ff.n_experts is 1: choose at most so many' ff.n_experts=1
fails 2 'there is no preset "zzz"; `sigmoe presets` lists all' info --preset zzz
fails 2 'there is no preset "WT-S-MOE"; did you mean "wt-s-moe"\? `sigmoe presets` lists all' info --preset WT-S-MOE

# ---------------------------------------------------------------- configurations

# config SENTENCE TEXT: what is said of a config.json that is TEXT.
config() {
    printf '%s' "$2" >config.json
    fails 1 "config.json.*$1" info --config config.json
}
# altered SENTENCE FROM TO: the same of dense.json with FROM, an extended expression, replaced by TO.
altered() { config "$1" "$(sed -E "s/$2/$3/" dense.json)"; }
config 'is empty' ''
config "'\[' or '\{' expected" '3'
config 'a JSON object is needed, not an array' '[]'
config '"model_type" must be "sigmoe"' '{}'
config 'line 1, column 2: string' "{'model_type': 'sigmoe'}"
altered '"model_type" must be "sigmoe"' '"sigmoe"' '"gpt2"'
altered '"version" must be an integer' '"version": 1' '"version": "1"'
altered '"version" is 2; this program reads version 1' '"version": 1' '"version": 2'
altered '"d_model" is missing' '"d_model": 16, ' ''
altered '"d_model" must be an integer, not a string' '"d_model": 16' '"d_model": "16"'
altered '"d_model" must be an integer, not null' '"d_model": 16' '"d_model": null'
altered '"d_model" is -16; it must be in 1\.\.1048576' '"d_model": 16' '"d_model": -16'
altered 'line [0-9]+, column [0-9]+: too big integer' '"d_model": 16' '"d_model": 99999999999999999999'
altered 'line [0-9]+, column [0-9]+: duplicate object key' '"d_model": 16' '"d_model": 16, "d_model": 16'
altered 'line [0-9]+, column [0-9]+: invalid token near .NaN' '"dropout": [0-9.]+' '"dropout": NaN'
altered 'unknown key "d_modle"; did you mean "d_model"\?' '"d_model"' '"d_modle"'
altered '"memory_segments" must be an object$' '"memory_segments": \{[^}]*\}' '"memory_segments": 3'
altered '"memory_segments" must be an object, but is missing' '"memory_segments": \{[^}]*\},' ''
altered 'unknown key "memory_segments.evl"; did you mean "memory_segments.eval"\?' '"eval"' '"evl"'
altered '"ff.type" is "dens"; did you mean "dense"\?' '"dense"' '"dens"'
altered '"ff.type" is "mamba"; known: dense, topk, pkm, moe' '"dense"' '"mamba"'
altered '"ff.d_ff" is missing' ', "d_ff": 24' ''
altered '"tokenizer.type" must be bytes, sentencepiece or none' '"none"' '"bpe"'

finish
