#!/bin/sh
# check_words.sh ROOT: no file of ours is over 800 lines, none says that something is left to do, and the library does not speak
# of the program's options and commands (programs/sigmoe/wording.c). Prints what it finds; the exit status is 1 when there is any.
set -eu
root=${1:?usage: check_words.sh ROOT}
found=$(mktemp)
trap 'rm -f "$found"' EXIT
longest=800
words='TO''DO|FIX''ME|XX''X|not yet impl''emented'

find "$root" \( -name .git -o -name 'build*' -o -name out -o -name corpus -o -name .venv -o -name cases \) -prune -o -type f \
    \( -name '*.[ch]' -o -name '*.cc' -o -name '*.inc' -o -name '*.sh' -o -name '*.py' -o -name '*.md' -o -name '*.cmake' \
    -o -name CMakeLists.txt -o -path "$root/run" \) -print | sort |
    while read -r file; do
        lines=$(wc -l <"$file")
        [ "$lines" -le "$longest" ] || echo "$file: $lines lines, more than $longest"
        grep -HnwE "$words" "$file" || true
        # In the program itself nothing is a placeholder; elsewhere the word has its other meanings.
        case ${file#"$root"/} in
        src/* | include/* | programs/*) grep -HnwiE 'st''ubs?' "$file" || true ;;
        esac
        # plot names properties of style sheets, and an option of gnuplot.
        case ${file#"$root"/} in
        src/plot/*) ;;
        src/*) grep -HnE '"[^"]*(--[a-z]|`sigmoe )' "$file" | grep -v ':[[:space:]]*//' || true ;;
        esac
    done | tee "$found"

[ ! -s "$found" ]
