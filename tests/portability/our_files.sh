#!/bin/sh
# our_files.sh ROOT: prints the files that a clean copy of the sources has, one a line, sorted. What is built or made there is
# not among them.
set -eu
cd "${1:?usage: our_files.sh ROOT}"
if git rev-parse >/dev/null 2>&1; then
    git ls-files -co --exclude-standard | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
else
    find . -type f ! -path './build*' ! -path './out/*' ! -path './.venv/*' ! -path './dist/*' | sed 's,^\./,,'
fi | sort
