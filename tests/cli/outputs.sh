# shellcheck shell=sh disable=SC2034
# Each command that makes a directory, small; for scripts that have sourced common.sh. $1 is the directory, options follow;
# $how is `works`, or a function like it.
make_inputs() {
    make_data data
    make_text 40000 other.txt
    write_config moe.json "$MOE"
    make_model model moe.json data
    cat >table.json <<JSON
{"base": "wt-s-moe", "rows": ["wt-s-moe"], "set": {"d_model": 16, "n_layers": 1, "unroll": 8}, "settings": {"steps": 1, "batch": 2}}
JSON
}
train() { out=$1 && shift && "$how" train --config moe.json --data data --steps 2 --batch 2 --out "$out" "$@"; }
compare() {
    out=$1 && shift
    "$how" compare --data data --base ./moe.json --variants dense --seeds 1 --steps 1 --batch 2 --threads 1 --out "$out" "$@"
}
sweep() { out=$1 && shift && "$how" sweep ./table.json --data data --threads 1 --out "$out" "$@"; }
prepare() { out=$1 && shift && "$how" data prepare text other.txt --out "$out" "$@"; }
analyze() { out=$1 && shift && "$how" analyze model --data data --limit-tokens 500 --out "$out" "$@"; }
figure() { out=$1 && shift && "$how" bench figure9 --tokens 16 --repetitions 1 --out "$out" "$@"; }
commands="train compare sweep prepare analyze figure"
how=works
