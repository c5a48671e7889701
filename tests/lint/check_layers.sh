#!/bin/sh
# check_layers.sh ROOT: every include in ROOT/src, ROOT/programs obeys the layers
#   base <- kernels <- model <- train,  base <- formats <- data <- train,  programs use sigmoe.h alone,
# and only dense_gemm's files named after oneDNN know it. Prints each violation; the exit status is 1 when there is any.
set -eu
root=${1:?usage: check_layers.sh ROOT}
violations=$(mktemp)
trap 'rm -f "$violations"' EXIT

allowed_for() {
    case $1 in
    base) echo base ;;
    kernels) echo base kernels ;;
    model) echo base kernels model ;;
    formats) echo base formats ;;
    data) echo base formats data ;;
    train) echo base kernels model formats data train ;;
    *) echo ;;
    esac
}

# includes FILE: what FILE includes in quotes, one a line.
includes() { sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1"; }

violation() { echo "$1: includes \"$2\", $3" | tee -a "$violations"; }

check_source() {
    file=$1 layer=$2 allowed=$3
    for include in $(includes "$file"); do
        case $include in
        sigmoe.h) ;;
        *..*) violation "$file" "$include" "but includes are written from src/" ;;
        */*)
            case " $allowed " in
            *" ${include%%/*} "*) ;;
            *) violation "$file" "$include" "which $layer may not use" ;;
            esac
            ;;
        *) [ -e "$(dirname "$file")/$include" ] ||
            violation "$file" "$include" "which is not beside it; includes are written from src/" ;;
        esac
    done
    case $file in
    */kernels/dense_gemm/*onednn*) ;;
    *) ! grep -Hn 'include.*dnnl' "$file" >>"$violations" ||
        echo "$file: only src/kernels/dense_gemm/*onednn* may include oneDNN" ;;
    esac
}

for directory in "$root"/src/*/; do
    layer=$(basename "$directory")
    allowed=$(allowed_for "$layer")
    if [ -z "$allowed" ]; then
        echo "$directory: not a layer this check knows" | tee -a "$violations"
        continue
    fi
    find "$directory" -name '*.[ch]' -o -name '*.cc' -o -name '*.inc' >"$violations.files"
    while read -r file; do check_source "$file" "$layer" "$allowed"; done <"$violations.files"
    rm -f "$violations.files"
done

for file in "$root"/programs/*/*.[ch]; do
    [ -e "$file" ] || continue
    for include in $(includes "$file"); do
        [ "$include" = sigmoe.h ] || [ -e "$(dirname "$file")/$include" ] ||
            violation "$file" "$include" "but programs use sigmoe.h alone"
    done
done

[ ! -s "$violations" ]
