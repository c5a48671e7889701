#!/bin/sh
# check_layers.sh ROOT: every include in ROOT/src and ROOT/programs obeys the rooms, which stand in `uses` below; no files of src
# include each other in a circle; programs use sigmoe.h alone; and only dense_gemm's files named after oneDNN know it. Prints
# each violation; the exit status is 1 when there is any.
set -eu
root=${1:?usage: check_layers.sh ROOT}
violations=$(mktemp)
edges=$(mktemp)
trap 'rm -f "$violations" "$edges"' EXIT

# uses ROOM: the rooms that it may use besides itself, those behind them included. docs/architecture.md has the picture.
uses() {
    case $1 in
    base) echo base ;;
    kernels) echo kernels "$(uses base)" ;;
    model) echo model "$(uses kernels)" ;;
    system) echo system "$(uses base)" ;;
    formats) echo formats "$(uses system)" ;;
    data) echo data "$(uses formats)" ;;
    prepare) echo prepare "$(uses data)" ;;
    generate) echo generate "$(uses model)" "$(uses data)" ;;
    config) echo config "$(uses model)" "$(uses data)" ;;
    interchange) echo interchange "$(uses config)" ;;
    paper) echo paper "$(uses config)" ;;
    distribute) echo distribute "$(uses system)" ;;
    train) echo train "$(uses config)" generate distribute ;;
    compare) echo compare "$(uses train)" paper ;;
    plot) echo plot "$(uses system)" ;;
    report) echo report "$(uses compare)" plot ;;
    analyze) echo analyze "$(uses train)" plot ;;
    watch) echo watch "$(uses train)" plot ;;
    bench) echo bench "$(uses train)" plot ;;
    plan) echo plan "$(uses bench)" ;;
    api) echo api prepare generate interchange report analyze bench watch plan "$(uses compare)" plot ;;
    esac
}

# includes FILE: what FILE includes in quotes, one a line.
includes() { sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1"; }

violation() { echo "$1: includes \"$2\", $3" | tee -a "$violations"; }

check_source() {
    file=$1 room=$2 allowed=$3
    for include in $(includes "$file"); do
        case $include in
        sigmoe.h) continue ;;
        *..*) violation "$file" "$include" "but includes are written from src/" ;;
        */*)
            case " $allowed " in
            *" ${include%%/*} "*) ;;
            *) violation "$file" "$include" "which $room may not use" ;;
            esac
            ;;
        *) violation "$file" "$include" "but includes are written from src/" ;;
        esac
        echo "${file#"$root"/src/} $include" >>"$edges"
    done
    case $file in
    */kernels/dense_gemm/*onednn*) ;;
    *) ! grep -Hn 'include.*dnnl' "$file" >>"$violations" ||
        echo "$file: only src/kernels/dense_gemm/*onednn* may include oneDNN" ;;
    esac
}

for directory in "$root"/src/*/; do
    room=$(basename "$directory")
    allowed=$(uses "$room")
    if [ -z "$allowed" ]; then
        echo "$directory: not a room this check knows" | tee -a "$violations"
        continue
    fi
    find "$directory" -name '*.[ch]' -o -name '*.cc' -o -name '*.inc' >"$violations.files"
    while read -r file; do check_source "$file" "$room" "$allowed"; done <"$violations.files"
    rm -f "$violations.files"
done

for file in "$root"/programs/*/*.[ch]; do
    [ -e "$file" ] || continue
    for include in $(includes "$file"); do
        [ "$include" = sigmoe.h ] || [ -e "$(dirname "$file")/$include" ] || [ -e "$root/programs/$include" ] ||
            violation "$file" "$include" "but programs use sigmoe.h and each other alone"
    done
done

# unit FILE: a header and its source are one. A header without a source whose name goes on where another's ends (trainer_state.h)
# is private to that one's files, and belongs to it.
unit() {
    stem=${1%.*}
    name=$stem
    while [ ! -e "$root/src/$name.c" ] && [ ! -e "$root/src/$name.cc" ]; do
        case ${name##*/} in
        *_*) name=${name%_*} ;;
        *) name=$stem && break ;;
        esac
    done
    echo "$name"
}

# Files that include each other, however far around.
sort -u "$edges" | while read -r from to; do
    from=$(unit "$from")
    to=$(unit "$to")
    [ "$from" = "$to" ] || echo "$from $to"
done | sort -u >"$violations.edges"
tsort "$violations.edges" >/dev/null 2>"$violations.circles" || {
    echo "these files of src include each other in a circle:"
    sed -n 's/^tsort: \([^-]\)/    \1/p' "$violations.circles"
    echo circle >>"$violations"
}
rm -f "$violations.edges" "$violations.circles"

[ ! -s "$violations" ]
