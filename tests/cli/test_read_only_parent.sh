#!/bin/sh
# --force where the parent directory may not be written: the old results are replaced in their own directory, or stay. Root may
# write anywhere, so it becomes another user; exits with 77 where that is impossible.
set -eu
as_user=
if [ "$(id -u)" -eq 0 ]; then
    as_user="setpriv --reuid=65534 --regid=65534 --clear-groups"
    if ! $as_user test -x "$1" 2>/dev/null || ! $as_user test -r "$2/tests/cli/common.sh"; then
        reason="a parent directory that may not be written: root may, and no other user can run $1 (setpriv)"
        echo "not run: $reason"
        [ -z "${SIGMOE_NOT_RUN:-}" ] || echo "${SIGMOE_TEST:-$0}: $reason" >>"$SIGMOE_NOT_RUN"
        exit 77
    fi
    exec $as_user sh "$0" "$@"
fi
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
# shellcheck source=tests/cli/outputs.sh
. "$root/tests/cli/outputs.sh"
make_inputs
refused() { fails 1 'Permission denied' "$@"; }
mkdir parent
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

for command in $commands; do
    mkdir parent/there
    chmod u-w parent
    how=works
    $command parent/there
    cp -r parent/there kept
    $command parent/there --force
    [ -f parent/there/.sigmoe ] || problem "$command --force lost what was there"
    # And one that may not be written itself: nothing is touched.
    rm -rf kept && cp -r parent/there kept
    chmod u-w parent/there
    how=refused
    $command parent/there --force
    chmod u+w parent/there
    same kept parent/there
    $command parent/new
    chmod u+w parent
    rm -rf parent/there kept
    [ -z "$(ls -A parent)" ] || problem "$command left something in a parent that cannot be written: $(ls -A parent)"
done

finish
