#!/bin/sh
# run.sh PREFIX: compiles every C program beside it against the library installed there, and runs it, in the working directory.
# What pkg-config's flags make is run; CMake makes the same programs once more, in cmake/, and of these presets is run.
set -eu
examples=$(cd "$(dirname "$0")" && pwd)
prefix=$(cd "$1" && pwd)
pkgconfig=$(find "$prefix" -name sigmoe.pc)
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
echo "presets, by CMake"
# Not every system has make, which CMake uses unless told otherwise.
if command -v ninja >/dev/null; then export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}"; fi
cmake -S "$examples" -B cmake -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >cmake.log
cmake --build cmake >>cmake.log
cmake/presets
