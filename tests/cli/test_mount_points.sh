#!/bin/sh
# A mount point, such as a container's volume, as the place for results: it cannot be renamed, nor what is in it moved beside
# it. Needs the right to mount, as root or in a user namespace; exits with 77 where there is none.
set -eu
if [ -z "${SIGMOE_IN_NAMESPACE:-}" ]; then
    unshare --user --map-root-user --mount true 2>/dev/null || {
        reason="results on a mount point: mounting needs user namespaces (unshare --user --map-root-user --mount)"
        echo "not run: $reason"
        [ -z "${SIGMOE_NOT_RUN:-}" ] || echo "${SIGMOE_TEST:-$0}: $reason" >>"$SIGMOE_NOT_RUN"
        exit 77
    }
    exec unshare --user --map-root-user --mount env SIGMOE_IN_NAMESPACE=1 sh "$0" "$@"
fi
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
# shellcheck source=tests/cli/outputs.sh
. "$root/tests/cli/outputs.sh"
make_inputs
mkdir parent
mount -t tmpfs -o size=16m tmpfs parent
mkdir parent/volume
mount -t tmpfs -o size=16m tmpfs parent/volume
trap 'umount parent/volume; umount parent; rm -rf "$work"' EXIT
volume=parent/volume

each_command() {
    for command in $commands; do
        mkdir "$volume/lost+found"
        $command "$volume"
        [ -f "$volume/.sigmoe" ] || problem "$command wrote nothing into a volume"
        $command "$volume" --force
        if [ ! -f "$volume/.sigmoe" ] || [ ! -d "$volume/lost+found" ]; then
            problem "$command --force lost what was on a volume"
        fi
        echo thesis >"$volume/thesis"
        cp -r "$volume" kept
        how=refused pattern='thesis in it is not sigmoe'
        $command "$volume" --force
        how=works
        same kept "$volume"
        rm -rf kept
        find "$volume" -mindepth 1 -delete
        [ "$(ls -A parent)" = volume ] || problem "$command left something beside a volume: $(ls -A parent)"
    done
}
refused() { fails "${expected_status:-2}" "$pattern" "$@"; }

each_command
# With a parent that cannot be written, by whomever. Bound, since a remount of all of it repeats an owner that may have no number
# in here.
mount -o remount,bind,ro parent
if mkdir parent/new 2>/dev/null; then problem "the parent can be written"; fi
each_command
how=refused expected_status=1 pattern='Read-only'
for command in $commands; do $command parent/new; done

finish
