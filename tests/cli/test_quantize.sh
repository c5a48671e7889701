#!/bin/sh
# Models in 8 bits: what is written, that every command reads it, and files that are wrong.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
export PYTHONPATH="$root/tests/oracle" PYTHONDONTWRITEBYTECODE=1
make_tokens tokens.npy 2 40 "$vocab"

# quantized_matches MODEL SMALL: of each tensor, by the formats' own words.
quantized_matches() {
    python3 - "$1" "$2" <<'PYTHON' || problem "$2 is not $1 in 8 bits"
import sys
import vector_files
before, after = (vector_files.read_safetensors(path + "/model.safetensors") for path in sys.argv[1:])
exact = ("bias", "norm.weight", "attn.scale", "router.weight", "router.noise", "router.table", "subkeys.0", "subkeys.1")
matrices = {name for name in before if not name.endswith(exact)}
assert matrices and set(after) == set(before) | {name + ".scale" for name in matrices}, sorted(after)
for name, (dtype, shape, values) in before.items():
    if name not in matrices:
        assert after[name] == before[name], name
        continue
    kind, same_shape, numbers = after[name]
    scale_kind, rows, scales = after[name + ".scale"]
    assert (kind, same_shape, scale_kind, rows) == ("I8", shape, "F32", shape[:-1]), (name, kind, rows)
    width = shape[-1]
    for r, scale in enumerate(scales):
        row, rounded = values[r * width:][:width], numbers[r * width:][:width]
        assert abs(scale - max(map(abs, row)) / 127) <= 1e-6 * scale, name
        assert all(abs(x - scale * q) <= 0.5001 * scale for x, q in zip(row, rounded)), name
PYTHON
}

# differ_by A B MOST LEAST: two files' logits.
differ_by() {
    python3 - "$@" <<'PYTHON' || problem "logits of $1 and $2"
import sys
import vector_files
a, b = (vector_files.read_safetensors(path)["logits"][2] for path in sys.argv[1:3])
worst = max(abs(x - y) for x, y in zip(a, b))
assert float(sys.argv[4]) <= worst <= float(sys.argv[3]), worst
PYTHON
}

# Every kind of block: written, read, and near to what it was.
number=0
for set in "$MOE" "$DENSE" '"type": "topk", "d_ff": 24, "k": 5' \
    '"type": "pkm", "n_subkeys": 4, "knn": 3, "activation": "relu"' \
    '"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "noisy_topk", "regularizer": "none"' \
    '"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "hash", "regularizer": "none"'; do
    number=$((number + 1))
    model=model$number small=small$number
    write_config config.json "$set"
    make_model "$model" config.json data
    works quantize --model "$model" --out "$small"
    quantized_matches "$model" "$small"
    cmp "$model/config.json" "$small/config.json" || problem "config.json of $set"
    works forward --model "$model" --tokens tokens.npy --out whole.safetensors
    works forward --model "$small" --tokens tokens.npy --out rounded.safetensors
    differ_by whole.safetensors rounded.safetensors 2 1e-6
    # As if its weights had always been what they are now.
    cp -r "$small" wide
    rm wide/manifest.json
    python3 - <<'PYTHON'
import array
import vector_files
path = "wide/model.safetensors"
tensors = vector_files.read_safetensors(path)
for name in [name for name in tensors if tensors[name][0] == "I8"]:
    _, shape, numbers = tensors[name]
    scales = tensors.pop(name + ".scale")[2]
    tensors[name] = "F32", shape, [q * scales[i // shape[-1]] for i, q in enumerate(numbers)]
vector_files.write_safetensors(path, tensors)
PYTHON
    for dtype in f32 bf16; do
        works forward --model wide --tokens tokens.npy --out wide.safetensors --dtype "$dtype"
        works forward --model "$small" --tokens tokens.npy --out rounded.safetensors --dtype "$dtype"
        same wide.safetensors rounded.safetensors
    done
    rm -rf wide
done

# Every command that reads a model.
works eval --model small1 --data data --split test --json
valid_json stdout
works info --model small1
works generate --model small1 -p 'the ' -n 20 --temperature 0
works generate --model small1 -p 'the ' -n 20 --temperature 0 --dtype bf16
# Weights that stay in 8 bits, also of a model that is not quantized.
for model in small1 small4 model1; do
    works generate --model "$model" -p 'the ' -n 30 --dtype int8
    cp stdout kept
    works generate --model "$model" -p 'the ' -n 30 --dtype int8 --threads 1
    same stdout kept
done
works generate --model small2 -p 'the ' -n 30 --temperature 0 --dtype int8
cp stdout kept
works generate --model small2 -p 'the ' -n 30 --temperature 0
same stdout kept
fails 2 'int8' eval --model small1 --data data --dtype int8
works train --init small1 --data data --out further --batch 2 --steps 2
works analyze small1 --data data --out analysis --limit-tokens 500
works quantize --model further --out again --json
valid_json stdout
grep -q '"matrices": 16' stdout || problem "matrices: $(cat stdout)"

# Existing output, and input that is its own.
fails 2 'again exists|exists' quantize --model model1 --out again
works quantize --model model1 --out again --force --quiet
[ ! -s stdout ] || problem "--quiet: $(cat stdout)"
same again small1
mkdir foreign
echo keep >foreign/notes
fails 2 'foreign' quantize --model model1 --out foreign --force
[ "$(cat foreign/notes)" = keep ] || problem "a foreign directory was replaced"
fails 2 'model' quantize --model again --out again --force
fails 2 'quantized already' quantize --model small1 --out new
fails 1 missing quantize --model missing --out new
fails 2 '\-\-out' quantize --model model1
absent new

# Files that are wrong.
# wrong PATTERN PYTHON: small1 with its tensors changed.
wrong() {
    rm -rf bad
    cp -r small1 bad
    rm bad/manifest.json
    python3 - "$2" <<'PYTHON' || problem "cannot make: $2"
import sys
import vector_files
path, name = "bad/model.safetensors", "layers.0.ff.experts.up"
tensors = vector_files.read_safetensors(path)
exec(sys.argv[1])
vector_files.write_safetensors(path, tensors)
PYTHON
    for command in 'eval --data data --split test' 'generate -p a -n 1' 'forward --tokens tokens.npy --out new'; do
        # shellcheck disable=SC2086  # words are words
        fails 1 "$1" $command --model bad
        grep -q 'bad/model.safetensors' stderr || problem "$command: no file in $(cat stderr)"
    done
    fails 1 "$1" generate -p a -n 1 --dtype int8 --model bad
    absent new
}
wrong 'tensor "layers.0.ff.experts.up.scale" is missing' 'del tensors[name + ".scale"]'
wrong 'experts.up.scale" has shape \[4, 15\] where \[4, 16\] is needed' \
    'k, s, v = tensors[name + ".scale"]; tensors[name + ".scale"] = k, [4, 15], v[:60]'
wrong 'experts.up.scale" has shape \[64\]' 'k, s, v = tensors[name + ".scale"]; tensors[name + ".scale"] = k, [64], v'
wrong 'experts.up.scale" is I32 where F32 or BF16' 'k, s, v = tensors[name + ".scale"]; tensors[name + ".scale"] = "I32", s, [1] * 64'
wrong 'experts.up.scale" has values that are not finite' 'tensors[name + ".scale"][2][5] = float("nan")'
wrong 'experts.up.scale" has values that are not finite' 'tensors[name + ".scale"][2][63] = float("inf")'
wrong 'experts.up" has values that are not finite' 'tensors[name + ".scale"][2][0] = 3e38'
wrong 'no place for the tensor "layers.0.ff.experts.up.scale"' 'k, s, v = tensors[name]; tensors[name] = "F32", s, [0.0] * len(v)'
wrong 'no place for the tensor "final_norm.bias.scale"' 'tensors["final_norm.bias.scale"] = "F32", [1], [1.0]'
wrong 'final_norm.bias" is I8 where F32 or BF16' 'tensors["final_norm.bias"] = "I8", [16], [1] * 16'
wrong 'experts.up" has shape \[4, 6, 16\] where \[4, 16, 6\]' 'k, s, v = tensors[name]; tensors[name] = k, [4, 6, 16], v'
head -c -1 small1/model.safetensors >bad/model.safetensors
fails 1 'cut short' eval --model bad --data data --split test

# A disk that is full leaves nothing behind.
needs_faults
with_faults --under "$work" --bytes 4096
fails 1 'new was not written' quantize --model model1 --out new
absent new

finish
