#!/bin/sh
# check_links.sh ROOT: relative links in the Markdown files lead to something that exists. Prints each that does not; the
# exit status is 1 when there is any.
set -eu
root=${1:?usage: check_links.sh ROOT}
dead=$(mktemp)
trap 'rm -f "$dead"' EXIT

find "$root" \( -name .git -o -name 'build*' -o -name out -o -name .venv -o -name cases \) -prune -o -name '*.md' -print |
    while read -r document; do
        # Links as [text](target "title") and src="target"; code blocks are left out.
        awk '/^ *```/ { code = !code; next } !code' "$document" |
            grep -oE '\]\([^) ]+|src="[^"]+"' | sed -E 's/^\]\(//; s/^src="//; s/"$//; s/#.*//' |
            while read -r target; do
                case $target in
                '' | http://* | https://* | mailto:*) continue ;;
                esac
                [ -e "$(dirname "$document")/$target" ] || echo "$document: dead link $target"
            done
    done | tee "$dead"

[ ! -s "$dead" ]
