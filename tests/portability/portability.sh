#!/bin/sh
# portability.sh ROOT [12|13|root|user|container|demo|test]...: `./run demo` and `./run test` on empty Debian 12 and 13, each as
# root, as an ordinary user with sudo, and as root with what an ordinary container leaves of root. Words choose a part. What
# passed with these very sources is not run again. Needs root, debootstrap and the network.
set -eu
sources=$(cd "${1:?usage: portability.sh ROOT [WORD...]}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
shift
place=${SIGMOE_PORTABILITY:-/var/cache/sigmoe-portability}

die() {
    echo "portability: $*" >&2
    exit 1
}

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
[ "$(id -u)" -eq 0 ] || die "making the roots needs root"
command -v debootstrap >/dev/null || die "debootstrap is missing; install the package debootstrap"
unshare --mount true 2>/dev/null || die "mounting needs CAP_SYS_ADMIN, which this container lacks; run it on a machine"

codename() {
    case $1 in
    12) echo bookworm ;;
    13) echo trixie ;;
    esac
}

# ---------------------------------------------------------------- roots

# system_archive PATTERN: where this system gets the Debian suites that match, such as its mirror or its proxy's.
system_archive() {
    # shellcheck disable=SC2016  # apt's variables
    apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Component: main' 2>/dev/null |
        awk -v pattern="$1" '$1 == "Debian" && $2 ~ pattern { print $3; exit }'
}

# write_settings ROOT CODENAME: apt, certificates and names as on this system.
write_settings() {
    signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
    mirror=$(system_archive '^[a-z]+$')
    if [ -n "$mirror" ]; then
        security=$(system_archive '-security$')
        {
            echo "deb $signed $mirror $2 main"
            echo "deb $signed $mirror $2-updates main"
            [ -z "$security" ] || echo "deb $signed $security $2-security main"
        } >"$1/etc/apt/sources.list"
    fi
    apt-config dump Acquire | grep -E '^Acquire::(https?|Check|ForceIPv|Retries)' >"$1/etc/apt/apt.conf.d/90host" || :
    for settings in /usr/local/share/ca-certificates /etc/hosts; do
        [ ! -e "$settings" ] || cp -RL "$settings" "$1$(dirname "$settings")/"
    done
    mkdir -p "$1/var/cache/ccache"
    useradd --root "$1" --create-home --shell /bin/sh sigmoe
    echo 'sigmoe ALL=(ALL) NOPASSWD: ALL' >"$1/etc/sudoers.d/sigmoe"
}

# make_base RELEASE: the empty system that the others are copies of.
make_base() {
    base=$place/$1/base
    [ ! -e "$base" ] || return 0
    echo "making an empty Debian $1 in $base"
    mkdir -p "$place/$1/packages/partial" "$place/$1/ccache"
    chmod 1777 "$place/$1/ccache"
    rm -rf --one-file-system "$base.part"
    mirror=$(system_archive '^[a-z]+$')
    # ccache, since three situations compile the same.
    debootstrap --variant=minbase --include=sudo,ccache --cache-dir="$place/$1/packages" "$(codename "$1")" "$base.part" \
        ${mirror:+"$mirror"} >"$place/$1/debootstrap.log" 2>&1 ||
        die "debootstrap failed: $(tail -n 1 "$place/$1/debootstrap.log") (all of it: $place/$1/debootstrap.log)"
    write_settings "$base.part" "$(codename "$1")"
    mv "$base.part" "$base"
}

# ---------------------------------------------------------------- one situation

# our_files: what a clean copy of the sources holds; what is built or made here is not in it.
our_files() {
    if git -C "$sources" rev-parse >/dev/null 2>&1; then
        git -C "$sources" ls-files -co --exclude-standard | while read -r file; do [ ! -e "$sources/$file" ] || echo "$file"; done
    else
        (cd "$sources" && find . -type f ! -path './build*' ! -path './out/*' ! -path './.venv/*')
    fi
}

# fresh_root RELEASE SITUATION HOME: a copy of the base with the sources in it, of the one whose home it is.
fresh_root() {
    root=$place/$1/$2
    rm -rf --one-file-system "$root"
    cp -a "$place/$1/base" "$root"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    mkdir "$root$3/sigmoe"
    tar -C "$sources" -c -T "$files" | tar -C "$root$3/sigmoe" --no-same-owner -x
    [ "$2" != user ] || chroot "$root" chown -R sigmoe:sigmoe "$3/sigmoe"
}

# privileges SITUATION: the words before a command that give it those of the situation. A container's are what Docker leaves.
privileges() {
    kept='+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod'
    case $1 in
    root) ;;
    user) echo setpriv --reuid=sigmoe --regid=sigmoe --init-groups ;;
    container) echo setpriv --inh-caps=-all --bounding-set="-all,$kept,+audit_write,+setfcap" ;;
    esac
}

# run_here RELEASE SITUATION HOME COMMAND: ./run COMMAND in the fresh root.
run_here() {
    # shellcheck disable=SC2046  # words
    unshare --mount --pid --fork --kill-child --propagation private \
        sh "$here/enter.sh" "$place/$1/$2" "$place/$1/packages" "$place/$1/ccache" \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$3" LANG=C.UTF-8 TERM=dumb \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${no_proxy:+no_proxy="$no_proxy"} CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache \
        CCACHE_DIR=/var/cache/ccache CCACHE_UMASK=000 CCACHE_BASEDIR="$3/sigmoe" CCACHE_NOHASHDIR=1 \
        $(privileges "$2") sh -c "cd $3/sigmoe && exec ./run $4" </dev/null &
    running=$!
    wait "$running"
}

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
        run_here "$1" "$2" "$home" "$3" >"$log" 2>&1 || outcome=FAILED
        running=''
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

# stop STATUS: with everything that runs in a root; unshare itself listens to no other signal.
stop() {
    [ -z "$running" ] || kill -KILL "$running" 2>/dev/null || :
    exit "$1"
}

running='' files=$(mktemp)
trap 'rm -f "$files"' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM HUP
our_files | sort >"$files"
sum=$(cd "$sources" && xargs -d '\n' sha256sum <"$files" | sha256sum | cut -c 1-16)
failed=''
for release in $releases; do
    mkdir -p "$place/$release"
    # One at a time: a package cache is locked by who installs.
    exec 9>"$place/$release/lock"
    flock 9
    make_base "$release"
    for who in $situations; do situation "$release" "$who"; done
done
[ -z "$failed" ] || die "these failed:$failed"
echo "all passed: Debian$releases; $situations; $commands"
