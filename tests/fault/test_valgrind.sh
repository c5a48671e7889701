#!/bin/sh
# The program under valgrind, which sees what the sanitizers of the unit tests do not: values that nobody has set, in the optimized
# build and its kernels, and memory that is lost. Small models, and inputs that are refused.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
command -v valgrind >/dev/null || not_run "valgrind is not installed"
make_data data >summary
write_config moe.json "$MOE"
write_config pkm.json '"type": "pkm", "n_heads": 2, "n_subkeys": 4, "knn": 2, "activation": "relu", "init": "dense_equivalent"'
make_tokens tokens.npy 2 13 "$vocab"

# What valgrind finds is in `found`; the program's own streams stay as they are.
cat >checked <<SCRIPT
#!/bin/sh
exec valgrind -q --log-file="$work/found" --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \\
    "$program" "\$@"
SCRIPT
chmod +x checked
program=$work/checked
silent() { [ ! -s found ] || problem "$*: $(head -n 12 found)"; }
clean() {
    works "$@"
    silent "$@"
}
refused() {
    fails "$@"
    shift 2
    silent "$@"
}

clean data prepare text data.txt --out again
clean train --data data --config moe.json --out run --batch 2 --steps 2 --checkpoint-every 1 --valid-every 1 --valid-tokens 24 \
    --sample-prompt a --tensorboard --threads 2
clean train --resume --out run --steps 3 --threads 1
clean train --data data --config pkm.json --out small --batch 2 --steps 1 --dtype bf16 --recompute all --threads 1
clean eval --model run --data data --split test --limit-tokens 30 --threads 1
clean forward --model run --tokens tokens.npy --out y.safetensors --unroll 6 --training --grad --threads 1
clean generate --model run --prompt a --max-tokens 5 --threads 1
clean quantize --model run --out quantized
clean export --model quantized --out exported --format hf
clean info --model run

cp -r run damaged
truncate -s -9 damaged/checkpoints/00000003/model.safetensors
refused 1 model.safetensors eval --model damaged --data data
printf '{"step": 0, "loss": [' >damaged/metrics.jsonl
refused 1 damaged train --resume --out damaged --steps 4
refused 1 data.txt info --config data.txt
refused 2 'did you mean' train --stepz 3
finish
