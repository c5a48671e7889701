#!/bin/sh
# shellcheck disable=SC2016  # the sentences have backquotes
# --version: the version alone; with --verbose or --json what the library was built with, and what it finds here.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

# says GROUP NAME VALUE: the last text has that line in that group.
says() {
    told=$(sed -n "/^$1\$/,/^\$/s/^  $2 *//p" stdout)
    [ "$told" = "$3" ] || problem "$1, $2: \"$told\" instead of \"$3\""
}

works --version
[ "$(wc -l <stdout)" -eq 1 ] || problem "--version prints $(cat stdout)"
head -n 1 stdout >version
works --version --verbose
head -n 1 stdout | cmp -s - version || problem "--verbose begins with $(head -n 1 stdout)"
cp stdout verbose

# What another place says of the same.
"$program" info --cpu >cpu
level=$(sed -n 's/^processor level *//p' cpu)
says processor level "$level"
build=$(dirname "$program")
says build type "$(sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=//p' "$build/CMakeCache.txt")"
sanitizers=$(sed -n 's/^SIGMOE_SANITIZE:[A-Z]*=//p' "$build/CMakeCache.txt")
says build sanitizers "${sanitizers:-none}"
onednn=no
! grep -q onednn cpu || onednn=yes
says features onednn "$onednn"
says features data_preparation yes
for name in jansson libarchive libcurl zlib; do
    compiled=$(pkg-config --modversion $name)
    grep -qE "^  $name +$compiled, loaded [0-9.]+$" stdout || problem "$name is not $compiled: $(grep "^  $name" stdout)"
done
says libraries sentencepiece "$(pkg-config --modversion sentencepiece)"
if [ "$onednn" = yes ]; then grep -qE '^  onednn +[23]\.[0-9.]+, loaded [23]\.[0-9.]+$' stdout || problem "no version of oneDNN"; fi

# The level in use is SIGMOE_CPU's, and that of the processor stays.
detected=$(sed -n 's/^  detected *//p' verbose)
SIGMOE_CPU=scalar works --version --verbose
says processor level scalar
says processor detected "$detected"

# Figures are possible where gnuplot is.
mkdir empty with
printf '#!/bin/sh\nexit 0\n' >with/gnuplot
chmod +x with/gnuplot
PATH=$work/empty works --version --verbose
says features gnuplot no
PATH=$work/with works --version --verbose
says features gnuplot yes

# The same as JSON.
for words in --json '--json --verbose' '--verbose --json'; do
    # shellcheck disable=SC2086  # words are words
    works --version $words
    python3 - stdout verbose <<'PY' || problem "--version $words differs from --verbose"
import json
import sys

told = json.load(open(sys.argv[1]))
lines = [f"sigmoe {told.pop('version')}"]
assert isinstance(told["processor"]["threads"], int)
for group, facts in told.items():
    lines += ["", group]
    for name, value in facts.items():
        if group == "features":
            value = "yes" if value is True else "no"
        if group == "libraries":
            value = (value["compiled"] or "version unknown") + (", loaded " + value["loaded"] if value["loaded"] else "")
        lines.append(f"  {name:18} {value}")
text = open(sys.argv[2]).read().splitlines()
# gnuplot may be another one here.
assert [line for line in lines if "gnuplot" not in line] == [line for line in text if "gnuplot" not in line], lines
assert sorted(told) == ["build", "features", "libraries", "processor"]
PY
done

fails 2 'takes --verbose and --json alone, not `--quiet`' --version --quiet
fails 2 'takes --verbose and --json alone, not `train`' --version train

finish
