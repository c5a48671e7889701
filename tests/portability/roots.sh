# shellcheck shell=sh disable=SC2154  # those that source it set its variables
# Empty Debian systems in which tests run commands. Sourced with `sources`, the repository; `here`, this directory; and `place`,
# where the systems are kept.

die() {
    echo "$(basename "$0" .sh): $*" >&2
    exit 1
}

can_make_roots() {
    [ "$(id -u)" -eq 0 ] || die "making the roots needs root"
    command -v debootstrap >/dev/null || die "debootstrap is missing; install the package debootstrap"
    unshare --mount true 2>/dev/null || die "mounting needs CAP_SYS_ADMIN, which this container lacks; run it on a machine"
}

codename() {
    case $1 in
    12) echo bookworm ;;
    13) echo trixie ;;
    esac
}

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

# make_base RELEASE: the empty system that the others are copies of. Until this process ends, no other uses the release: a
# package cache is locked by who installs.
make_base() {
    base=$place/$1/base
    mkdir -p "$place/$1"
    exec 9>"$place/$1/lock"
    flock 9
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

# ---------------------------------------------------------------- in a root

# empty_root RELEASE NAME: a copy of the base.
empty_root() {
    root=$place/$1/$2
    rm -rf --one-file-system "$root"
    cp -a "$place/$1/base" "$root"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
}

# fresh_root RELEASE NAME HOME: with the sources in it, of the one whose home it is.
fresh_root() {
    empty_root "$1" "$2"
    mkdir "$root$3/sigmoe"
    tar -C "$sources" -c -T "$files" | tar -C "$root$3/sigmoe" --no-same-owner -x
    [ "$3" = /root ] || chroot "$root" chown -R sigmoe:sigmoe "$3/sigmoe"
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

# run_in RELEASE NAME SITUATION HOME COMMAND: the shell's COMMAND in the root, where its sources are, or in HOME.
run_in() {
    # shellcheck disable=SC2046  # words
    unshare --mount --pid --fork --kill-child --propagation private \
        sh "$here/enter.sh" "$place/$1/$2" "$place/$1/packages" "$place/$1/ccache" \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$4" LANG=C.UTF-8 TERM=dumb \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${no_proxy:+no_proxy="$no_proxy"} CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache \
        CCACHE_DIR=/var/cache/ccache CCACHE_UMASK=000 CCACHE_BASEDIR="$4/sigmoe" CCACHE_NOHASHDIR=1 \
        $(privileges "$3") sh -euc "cd; [ ! -d sigmoe ] || cd sigmoe; $5" </dev/null &
    running=$! ended=0
    wait "$running" || ended=$?
    running=''
    return "$ended"
}

# ---------------------------------------------------------------- the end of it

# stop STATUS: with everything that runs in a root; unshare itself listens to no other signal.
stop() {
    [ -z "$running" ] || kill -KILL "$running" 2>/dev/null || :
    exit "$1"
}

running='' files=$(mktemp)
trap 'rm -f "$files"' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM HUP
sh "$here/our_files.sh" "$sources" >"$files"
# What the sources are, to know them again.
# shellcheck disable=SC2034
sum=$(cd "$sources" && xargs -d '\n' sha256sum <"$files" | sha256sum | cut -c 1-16)
