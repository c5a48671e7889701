#!/bin/sh
# What the commands make can be read and written by those whom the user's umask allows, and by nobody else.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

# modes MASK: files and directories below the working directory that have other permissions than this umask gives.
modes() {
    file=$(printf '%o' $((0666 & ~0$1))) folder=$(printf '%o' $((0777 & ~0$1)))
    find made -type f ! -perm "$file" -exec ls -ld {} +
    find made -type d ! -perm "$folder" -exec ls -ld {} +
}

for mask in 022 027 077 000; do
    rm -rf made
    umask "$mask"
    mkdir made
    make_data made/data >summary
    write_config moe.json "$MOE"
    works train --data made/data --config moe.json --out made/run --batch 2 --steps 3 --checkpoint-every 1 --valid-every 2 \
        --valid-tokens 20 --tensorboard --sample-prompt a --threads 1
    works train --resume --out made/run --steps 4 --threads 1
    works quantize --model made/run --out made/quantized
    works export --model made/run --out made/exported --format onnx
    works data export --data made/data --out made/tokens --format megatron
    works compare --data made/data --base moe.json --variants dense --steps 2 --seeds 1 --batch 2 --test-tokens 20 \
        --out made/comparison --threads 1
    others=$(modes "$mask")
    [ -z "$others" ] || problem "umask $mask: $others"
    [ "$(find made -type f | wc -l)" -gt 30 ] || problem "umask $mask: only $(find made -type f | wc -l) files were made"
done
umask 022
finish
