#!/bin/sh
# run.sh PREFIX: compiles every C program beside it against the library installed there, and runs it, in the working directory.
set -eu
examples=$(cd "$(dirname "$0")" && pwd)
pkgconfig=$(find "$1" -name sigmoe.pc)
PKG_CONFIG_PATH=$(dirname "$pkgconfig")
export PKG_CONFIG_PATH
library=$(pkg-config --variable=libdir sigmoe)
for source in "$examples"/*.c; do
    name=$(basename "$source" .c)
    echo "$name"
    # shellcheck disable=SC2046  # words are words
    cc -Wall -Wextra -Werror -O2 "$source" $(pkg-config --cflags --libs sigmoe) "-Wl,-rpath,$library" -o "$name"
    "./$name"
done
