#!/bin/sh
# check_runpaths.sh TREE...: no program or library in the trees looks for its libraries in a place that is empty (which means
# the working directory) or relative to it. Prints each that does; the exit status is 1 when there is any, and where no tree has a
# program at all.
set -eu
[ $# -gt 0 ] || {
    echo "usage: check_runpaths.sh TREE..." >&2
    exit 1
}
list=$(mktemp)
trap 'rm -f "$list" "$list".*' EXIT

find "$@" -name CMakeFiles -prune -o -type f \( -perm -u+x -o -name '*.so*' \) -print | sort |
    while read -r file; do
        # Scripts are no ELF files, and readelf says so.
        readelf -d "$file" >"$list.dynamic" 2>/dev/null || continue
        grep -q NEEDED "$list.dynamic" || continue
        echo "$file" >>"$list"
        # [a:b] with a colon at both ends has every element between two colons.
        sed -nE 's/.*\((RPATH|RUNPATH)\).*\[(.*)\]$/:\2:/p' "$list.dynamic" | while read -r path; do
            case $path in
            *::*) echo "$file: an empty element in the search path $path" ;;
            esac
            # shellcheck disable=SC2016  # the linker's $ORIGIN, not the shell's
            echo "$path" | tr : '\n' | sed 1d | grep -vE '^(/|\$ORIGIN(/|$)|$)' |
                sed "s|^|$file: a relative element in the search path: |"
        done
    done >"$list.bad"
cat "$list.bad"

[ -s "$list" ] || {
    echo "no program in $*"
    exit 1
}
[ ! -s "$list.bad" ]
