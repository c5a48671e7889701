#!/bin/sh
# on_tmpfs.sh COMMAND...: runs it with $SIGMOE_TMPFS naming a real file system of 4 MB, in a mount namespace that ends with
# it: as root, or as an ordinary user who may make user namespaces. Exit status 77 and the reason where neither can be.
set -eu
disk=$(mktemp -d)
trap 'rmdir "$disk"' EXIT

# shellcheck disable=SC2086  # a list of options
in_namespace() { # in_namespace OPTIONS COMMAND...: with the file system mounted
    options=$1
    shift
    # shellcheck disable=SC2016  # the inner shell's words
    unshare $options --mount sh -c 'mount -t tmpfs -o size=4m,mode=0777 sigmoe-test "$0" && exec "$@"' "$disk" "$@"
}

for options in "" "--user --map-root-user"; do
    in_namespace "$options" true 2>/dev/null || continue
    status=0
    in_namespace "$options" env SIGMOE_TMPFS="$disk" "$@" || status=$?
    exit "$status"
done
reason="on a real small file system: mounting one needs root with CAP_SYS_ADMIN, or user namespaces for ordinary users"
echo "not run: $reason"
[ -z "${SIGMOE_NOT_RUN:-}" ] || echo "${SIGMOE_TEST:-$*}: $reason" >>"$SIGMOE_NOT_RUN"
exit 77
