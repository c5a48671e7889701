#!/bin/sh
# shellcheck disable=SC2016  # commands for a shell in the root
# packages.sh ROOT [12|13]...: on an empty Debian, `./run package` as an ordinary user and lintian, which must find no error; then,
# on another one, what apt installs of the packages: the program, the examples with the library for developers, and Python. At
# last nothing may be left of them. Needs root, debootstrap and the network.
set -eu
sources=$(cd "${1:?usage: packages.sh ROOT [12|13]...}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
shift
place=${SIGMOE_PORTABILITY:-/var/cache/sigmoe-portability}
# shellcheck source=tests/portability/roots.sh
. "$here/roots.sh"
for word in "$@"; do
    case $word in
    12 | 13) ;;
    *) die "$word is none of: 12 13" ;;
    esac
done
[ $# -gt 0 ] || set -- 12 13
can_make_roots

# step RELEASE NAME SITUATION HOME TITLE COMMAND: runs it in the root, and ends everything if it fails.
step() {
    begun=$(date +%s)
    run_in "$1" "$2" "$3" "$4" "$6" >"$place/$1/$2.log" 2>&1 || {
        tail -n 30 "$place/$1/$2.log" | sed 's/^/    /'
        die "Debian $1: $5: FAILED (all of it: $place/$1/$2.log; the system: $place/$1/$2)"
    }
    echo "Debian $1: $5: passed after $(($(date +%s) - begun)) s"
    sed -n 's/^told: /    /p' "$place/$1/$2.log"
}

# build RELEASE: the packages lie in home/sigmoe/sigmoe/dist of the root packages-build.
build() {
    fresh_root "$1" packages-build /home/sigmoe
    step "$1" packages-build user /home/sigmoe "./run package, as an ordinary user" './run package'
    step "$1" packages-build root /root "lintian" '
        apt-get install -q -y --no-install-recommends lintian >/dev/null
        cd /home/sigmoe/sigmoe/dist
        as_user="setpriv --reuid=sigmoe --regid=sigmoe --init-groups"
        $as_user lintian --fail-on error --tag-display-limit 0 *.changes >/tmp/tags || {
            cat /tmp/tags
            exit 1
        }
        sed "s/^/told: /" /tmp/tags'
}

# try_packages RELEASE: all four, with nothing else of the build.
try_packages() {
    empty_root "$1" packages-install
    mkdir "$root/root/dist"
    cp "$place/$1/packages-build/home/sigmoe/sigmoe/dist"/*.deb "$root/root/dist/"
    step "$1" packages-install root /root "apt installs the program" '
        apt-get update -q
        apt-get install -q -y --no-install-recommends man-db ./dist/sigmoe_*.deb ./dist/libsigmoe0_*.deb
        [ "$(readlink -f /usr/bin/sigmoe)" = /usr/bin/sigmoe ]
        test -s /usr/share/man/man1/sigmoe.1.gz -a -s /usr/share/bash-completion/completions/sigmoe
        test -s /usr/share/zsh/vendor-completions/_sigmoe -a -s /usr/share/fish/vendor_completions.d/sigmoe.fish
        sigmoe --version --verbose | sed "s/^/told: /"
        sigmoe --version --verbose | grep -Eq "^  data_preparation +yes$"
        sigmoe --version --verbose | grep -Eq "^  onednn +yes$"
        seq 100000 >numbers.txt
        sigmoe data prepare text numbers.txt --out data
        sigmoe train --preset demo --data data --out run --steps 3 --quiet
        sigmoe generate --model run -p 1 -n 5 --seed 1'
    step "$1" packages-install root /root "libsigmoe-dev compiles and runs the examples" '
        apt-get install -q -y --no-install-recommends gcc g++ libc6-dev pkg-config cmake make ./dist/libsigmoe-dev_*.deb
        cp -r /usr/share/doc/libsigmoe-dev/examples examples
        mkdir made
        cd made
        sh ../examples/run.sh /usr'
    step "$1" packages-install root /root "python3-sigmoe finds the library" '
        apt-get install -q -y --no-install-recommends python3 python3-numpy ./dist/python3-sigmoe_*.deb
        cat >use.py <<PY
import importlib.metadata
import subprocess
import sys
import sigmoe
assert importlib.metadata.version("sigmoe") == sigmoe.__version__, sigmoe.__version__
model = sigmoe.Model.load("run")
print(sigmoe.__file__, sigmoe.__version__, model.logits([[1, 2, 3]]).shape)
said = subprocess.run([sys.executable, "-m", "sigmoe", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
assert said == f"sigmoe {sigmoe.__version__}\n", said
PY
        python3 -c "import sigmoe"
        python3 use.py >said
        sed "s/^/told: /" said'
    step "$1" packages-install root /root "nothing is left behind" '
        apt-get purge -q -y sigmoe libsigmoe0 libsigmoe-dev python3-sigmoe
        [ -z "$(find / -xdev -path /proc -prune -o -path /root -prune -o -path /var -prune -o -name "*sigmoe*" -print |
            grep -vE "^/(home|etc/sudoers.d)/sigmoe")" ]'
}

for release in "$@"; do
    make_base "$release"
    build "$release"
    try_packages "$release"
    rm -rf --one-file-system "${place:?}/$release/packages-build" "${place:?}/$release/packages-install"
done
echo "all passed: Debian $*"
