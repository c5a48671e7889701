#!/bin/sh
# test_run.sh PROGRAM ROOT: what ./run says and does about packages, on systems of our making: only the tools that are put in
# `tools` exist there.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

# new_system: a system of basic tools, the user 1000, no apt and no sudo.
new_system() {
    rm -rf tools asked
    mkdir tools
    for tool in sh dirname cat awk env grep sed; do ln -s "$(command -v "$tool")" "tools/$tool"; done
    tool id 'echo 1000'
}

# tool NAME TEXT: a command of that system.
tool() {
    printf '#!/bin/sh\n%s\n' "$2" >"tools/$1"
    chmod +x "tools/$1"
}

# with_apt UPDATE INSTALL: a Debian without our packages, whose `apt-get update` and `apt-get install` end with these statuses.
with_apt() {
    tool dpkg-query 'exit 1'
    tool apt-get "case \"\$*\" in
    *--print-uris*) printf \"'http://a.example/x.deb' x.deb 1500000 MD5Sum:0\\n'http://a.example/y.deb' y.deb 40000000 -\\n\" ;;
    update*) exit $1 ;;
    *) echo \"\$*\" >>$work/asked; exit $2 ;;
    esac"
}

with_sudo() { tool sudo 'exec "$@"'; }

# setup STATUS PATTERN...: ./run setup ends so, and its words match each.
setup() {
    expected=$1 status=0
    shift
    PATH=$work/tools "$root/run" setup >said 2>&1 || status=$?
    [ "$status" -eq "$expected" ] || problem "run setup: exit status $status, expected $expected: $(cat said)"
    for pattern in "$@"; do grep -qE -e "$pattern" said || problem "run setup: \"$(cat said)\" does not match \"$pattern\""; done
}

new_system
setup 1 'no apt' 'oneDNN 2\.6' 'SIGMOE_SKIP_SETUP=1' '^    libdnnl-dev$'
SIGMOE_SKIP_SETUP=1 setup 0

new_system && with_apt 0 0
setup 1 'no sudo; as root, run: apt-get update && apt-get install .*libdnnl-dev'
[ ! -e asked ] || problem "without sudo packages were asked for: $(cat asked)"
SIGMOE_SKIP_SETUP=1 setup 0

with_sudo
setup 0 'downloads 42 MB'
grep -q 'libdnnl-dev' asked || problem "packages were not asked for"

new_system && with_apt 100 0 && with_sudo
setup 0 'update failed' 'installed'

new_system && with_apt 0 100 && with_sudo
setup 1 'could not install' 'as root, run: '

new_system && with_apt 0 0 && tool dpkg-query 'printf installed'
setup 0
[ ! -s said ] || problem "nothing is missing, but ./run setup says: $(cat said)"

# ---------------------------------------------------------------- fuzz

# A project of one fuzzer, and a cmake whose build ends with the status in `built` and makes a fuzzer that ends with that in `fuzzed`.
mkdir -p project/fuzz project/tests/lint
cp "$root/run" project/run
mkdir project/debian
cp "$root/debian/control" project/debian
: >project/fuzz/fuzz_one.c
: >project/tests/lint/check_runpaths.sh
new_system
for tool in basename mkdir nproc chmod; do ln -s "$(command -v "$tool")" "tools/$tool"; done
tool cmake "[ \"\$1\" = --build ] || exit 0
    printf '#!/bin/sh\\nexit %s\\n' \"\$(cat $work/fuzzed)\" >build-asan/fuzz_one && chmod +x build-asan/fuzz_one
    exit \$(cat $work/built)"

# fuzz BUILT FUZZED STATUS PATTERN: so ./run fuzz ends, and says PATTERN last.
fuzz() {
    status=0
    echo "$1" >built
    echo "$2" >fuzzed
    SIGMOE_SKIP_SETUP=1 PATH=$work/tools project/run fuzz 1 >said 2>&1 || status=$?
    [ "$status" -eq "$3" ] || problem "run fuzz: exit status $status, expected $3: $(cat said)"
    tail -n 1 said | grep -qE -e "$4" || problem "run fuzz: \"$(cat said)\" does not end with \"$4\""
}
fuzz 0 0 0 'fuzz_one, 1 s'
fuzz 0 77 1 'a fuzzer found a failure: see build-asan/fuzz_found'
fuzz 3 0 1 'the fuzzers could not be built'

[ "$failures" -eq 0 ]
