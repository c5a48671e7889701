#!/bin/sh
# The checks of this directory are themselves checked: a clean tree passes, each planted violation is caught.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

clean_tree() {
    rm -rf "${tree:?}"/*
    for room in base kernels/dense_gemm model formats data train plot report api; do mkdir -p "$tree/src/$room"; done
    mkdir -p "$tree/programs/sigmoe" "$tree/docs" "$tree/fuzz/corpus/fuzz_npy"
    echo '#include "sigmoe.h"' >"$tree/src/base/status.h"
    echo '#include "base/status.h"' >"$tree/src/formats/npy.h"
    echo '#include "base/status.h"' >"$tree/src/model/config.h"
    printf '#include "base/status.h"\n#include <oneapi/dnnl/dnnl.h>\n' >"$tree/src/kernels/dense_gemm/dense_gemm_onednn.c"
    printf '#include "train/trainer_state.h"\n#include "model/config.h"\n#include "formats/npy.h"\n' >"$tree/src/train/trainer.c"
    echo '#include "base/status.h"' >"$tree/src/train/trainer.h"
    echo '#include "train/trainer.h"' >"$tree/src/train/trainer_state.h"
    echo '#include "train/trainer_state.h"' >"$tree/src/train/loop.c"
    echo '#include "base/status.h"' >"$tree/src/train/loop.h"
    echo '#include "base/status.h"' >"$tree/src/plot/svg.h"
    echo '#include "plot/svg.h"' >"$tree/src/report/page.c"
    echo '#include <stdio.h>' >"$tree/programs/sigmoe/report.h"
    printf '#include "report.h"\n#include "sigmoe.h"\n' >"$tree/programs/sigmoe/main.c"
    printf '# A page\n[here](docs/page.md#part) [there](https://example.org/x)\n' >"$tree/README.md"
    echo '[back](../README.md)' >"$tree/docs/page.md"
    echo 'int LLVMFuzzerTestOneInput;' >"$tree/fuzz/fuzz_npy.c"
    head -c 2000 /dev/zero >"$tree/fuzz/corpus/fuzz_npy/find"
}

expect() { # expect STATUS CHECK DESCRIPTION
    status=0
    sh "$here/$2" "$tree" >"$tree.log" 2>&1 || status=$?
    if [ "$status" -ne "$1" ]; then
        echo "$2: $3: exit status $status instead of $1"
        cat "$tree.log"
        failures=$((failures + 1))
    fi
    rm -f "$tree.log"
}

caught() { # caught CHECK DESCRIPTION FILE LINE: LINE added to FILE of a clean tree is a violation
    clean_tree
    echo "$4" >>"$tree/$3"
    expect 1 "$1" "$2"
}

clean_tree
for check in check_layers.sh check_links.sh check_words.sh check_corpus.sh; do expect 0 "$check" "clean tree"; done

caught check_layers.sh "model uses formats" src/model/config.h '#include "formats/npy.h"'
caught check_layers.sh "formats uses kernels" src/formats/npy.h '#  include "kernels/dense_gemm/dense_gemm.h"'
caught check_layers.sh "base uses model" src/base/status.h '#include "model/config.h"'
caught check_layers.sh "data uses model" src/data/dataset.c '#include "model/config.h"'
caught check_layers.sh "training uses the drawing" src/train/loop.c '#include "plot/svg.h"'
caught check_layers.sh "drawing uses the report" src/plot/svg.h '#include "report/page.h"'
caught check_layers.sh "not from src" src/train/loop.c '#include "trainer.h"'
caught check_layers.sh "a circle of two" src/train/trainer.c '#include "train/loop.h"'
caught check_layers.sh "around the rooms" src/data/dataset.c '#include "../model/config.h"'
caught check_layers.sh "a program looks inside" programs/sigmoe/main.c '#include "base/status.h"'
caught check_layers.sh "oneDNN elsewhere" src/model/config.h '#include <oneapi/dnnl/dnnl.h>'
caught check_links.sh "dead link" README.md '[gone](docs/gone.md)'
caught check_links.sh "dead picture" README.md '<img src="docs/gone.png">'
caught check_words.sh "left to do" src/base/status.h "// TO""DO: later"
caught check_words.sh "left to mend" docs/page.md "FIX""ME"
caught check_words.sh "an option of the program" src/base/status.h '"add --force to replace it"'
# shellcheck disable=SC2016  # backquotes of a sentence
caught check_words.sh "a command of the program" src/base/status.h '"`sigmoe presets` lists all"'
clean_tree
mkdir "$tree/src/other"
expect 1 check_layers.sh "an unknown room"
clean_tree
yes '// line' | head -n 801 >>"$tree/src/base/status.h"
expect 1 check_words.sh "a long file"

# inputs COUNT BYTES FUZZER STATUS: what check_corpus.sh says of that many finds of that size.
inputs() {
    clean_tree
    mkdir -p "$tree/fuzz/corpus/$3"
    for i in $(seq "$1"); do head -c "$2" /dev/zero >"$tree/fuzz/corpus/$3/$i"; done
    expect "$4" check_corpus.sh "$1 finds of $2 bytes, $3"
}
inputs 29 100 fuzz_npy 0
inputs 30 100 fuzz_npy 1
inputs 1 2048 fuzz_npy 1
inputs 1 1 fuzz_shard 1

# searches PATH STATUS: what check_runpaths.sh says of a program with that search path.
searches() {
    clean_tree
    echo 'int main(void) { return 0; }' | cc -x c - -o "$tree/program" -Wl,-rpath,"$1"
    expect "$2" check_runpaths.sh "the search path \"$1\""
}
# shellcheck disable=SC2016  # the linker's $ORIGIN, not the shell's
{
    searches '/usr/lib' 0
    searches '$ORIGIN:$ORIGIN/../lib:/usr/lib' 0
    searches '/usr/lib:' 1
    searches ':/usr/lib' 1
    searches '/usr/lib::$ORIGIN' 1
    searches 'lib' 1
    searches '/usr/lib:.' 1
    searches '$ORIGINAL' 1
}
clean_tree
expect 1 check_runpaths.sh "no program"

[ "$failures" -eq 0 ] && echo "the checks catch what they must"
