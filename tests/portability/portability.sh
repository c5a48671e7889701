#!/bin/sh
# portability.sh ROOT [12|13|root|user|container|demo|test]...: `./run demo` and `./run test` on empty Debian 12 and 13, each as
# root, as an ordinary user with sudo, and as root with what an ordinary container leaves of root. Words choose a part. What
# passed with these very sources is not run again. Needs root, debootstrap and the network.
set -eu
sources=$(cd "${1:?usage: portability.sh ROOT [WORD...]}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
shift
place=${SIGMOE_PORTABILITY:-/var/cache/sigmoe-portability}

# shellcheck source=tests/portability/roots.sh
. "$here/roots.sh"

releases='' situations='' commands=''
for word in "$@"; do
    case $word in
    12 | 13) releases="$releases $word" ;;
    root | user | container) situations="$situations $word" ;;
    demo | test) commands="$commands $word" ;;
    *) die "$word is none of: 12 13 root user container demo test" ;;
    esac
done
: "${releases:=12 13}" "${situations:=root user container}" "${commands:=demo test}"
can_make_roots
# ---------------------------------------------------------------- one situation

# warnings LOG TREE: what a compiler or CMake warned of; nothing is expected.
warnings() {
    { grep -hE ': warning: |CMake (Deprecation )?Warning' "$1" "$2"/build*/configure.log || :; } 2>/dev/null
}

# one RELEASE SITUATION COMMAND: prints the closing lines and says whether it passed.
one() {
    title="Debian $1, $2, ./run $3" log=$place/$1/$2-$3.log passed=$place/$1/$2-$3.passed
    if [ "$(cat "$passed" 2>/dev/null)" = "$sum" ]; then
        echo "$title: passed before, with these sources; its last lines:"
    else
        rm -f "$passed"
        begun=$(date +%s) outcome=passed
        run_in "$1" "$2" "$2" "$home" "./run $3" >"$log" 2>&1 || outcome=FAILED
        warned=$(warnings "$log" "$place/$1/$2$home/sigmoe")
        [ -z "$warned" ] || outcome="FAILED, since it warned: $warned"
        [ "$outcome" != passed ] || echo "$sum" >"$passed"
        echo "$title: $outcome after $(($(date +%s) - begun)) s; its last lines:"
    fi
    tail -n 16 "$log" | sed 's/^/    /'
    [ -e "$passed" ] || failed="$failed
    $title ($log)"
}

# situation RELEASE SITUATION: each command, in one root, which is kept where something failed.
situation() {
    left=''
    for command in $commands; do
        [ "$(cat "$place/$1/$2-$command.passed" 2>/dev/null)" = "$sum" ] || left=1
    done
    home=/root
    [ "$2" != user ] || home=/home/sigmoe
    before=$failed
    [ -z "$left" ] || fresh_root "$1" "$2" "$home"
    for command in $commands; do one "$1" "$2" "$command"; done
    [ "$failed" != "$before" ] || rm -rf --one-file-system "${place:?}/$1/$2"
}

failed=''
for release in $releases; do
    make_base "$release"
    for who in $situations; do situation "$release" "$who"; done
done
[ -z "$failed" ] || die "these failed:$failed"
echo "all passed: Debian$releases; $situations; $commands"
