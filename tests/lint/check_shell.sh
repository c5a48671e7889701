#!/bin/sh
# check_shell.sh ROOT: shellcheck finds nothing in our scripts. Fails where shellcheck is missing.
set -eu
cd "${1:?usage: check_shell.sh ROOT}"
command -v shellcheck >/dev/null || {
    echo "shellcheck is not installed" >&2
    exit 1
}
find run .ci/run tests bench -path tests/oracle/cases -prune -o \( -name '*.sh' -o -path run -o -path .ci/run \) -print |
    sort | xargs shellcheck -x
