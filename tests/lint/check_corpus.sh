#!/bin/sh
# check_corpus.sh ROOT: the committed inputs of fuzzers stay few and small, and each belongs to a fuzzer. Prints what does not
# hold; the exit status is 1 when there is any.
set -eu
root=${1:?usage: check_corpus.sh ROOT}
corpus=$root/fuzz/corpus
[ -d "$corpus" ] || exit 0
wrong=$(mktemp)
trap 'rm -f "$wrong"' EXIT

{
    find "$corpus" -type f -size +2047c -exec echo 'larger than 2 KB:' {} \;
    find "$corpus" -mindepth 1 -maxdepth 1 | while read -r inputs; do
        [ -f "$root/fuzz/$(basename "$inputs").c" ] || echo "$inputs: there is no fuzzer of this name"
        count=$(find "$inputs" -type f | wc -l)
        [ "$count" -le 30 ] || echo "$inputs: $count files, more than 30"
    done
    bytes=$(find "$corpus" -type f -exec cat {} + | wc -c)
    [ "$bytes" -lt 500000 ] || echo "$corpus: $bytes bytes, more than 500 KB"
} | tee "$wrong"

[ ! -s "$wrong" ]
