#!/bin/sh
# Manual pages without a complaint from mandoc, of every command and with every option; and what bash, zsh and fish complete.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

share=$(dirname "$program")/share
for tool in mandoc bash zsh fish; do command -v $tool >/dev/null || not_run "$tool is not installed"; done

mandoc -Tlint "$share"/man/man1/*.1 "$share"/man/man5/*.5 >complaints 2>&1 || true
[ ! -s complaints ] || problem "mandoc complains: $(head -n 3 complaints)"

# page FILE: as a reader sees it, on lines that are never folded.
page() { mandoc -Tutf8 -O width=500 "$1" | sed 's/.\x08//g' | tr -s ' '; }

page "$share/man/man1/sigmoe.1" >overview
"$program" help | sed -n 's/^  \([a-z0-9 ]*[a-z0-9]\)  .*/\1/p' | grep -v '^help' >commands
while read -r command; do
    name=sigmoe-$(echo "$command" | tr ' ' -)
    grep -q "^ $name(1)" overview || problem "sigmoe(1) does not list $name"
    page "$share/man/man1/$name.1" >shown
    for section in NAME SYNOPSIS DESCRIPTION OPTIONS EXAMPLES 'EXIT STATUS' 'SEE ALSO'; do
        grep -qx "$section" shown || problem "$name(1) has no section $section"
    done
    grep -q "^ $name - " shown || problem "$name(1) does not begin with its name"
    # shellcheck disable=SC2086  # words are words
    works $command --help
    options=$(grep -oE '^  --[a-z-]+' stdout)
    files=$(sed -n '/^Files$/,/^$/s/^  \([^ ]\{1,\}\).*/\1/p' stdout)
    for option in $options; do
        grep -qE -e "^ $option( |\$)" shown || problem "$name(1) lacks $option"
    done
    for file in $files; do
        grep -q "^ $file" shown || problem "$name(1) lacks the file $file"
    done
done <commands
page "$share/man/man1/sigmoe-compare.1" >shown
for text in FILES VARIANTS ' s-base-k4' ' RUN/report.html' 'sigmoe compare --data data' 'sigmoe(1),'; do
    grep -q -e "$text" shown || problem "sigmoe-compare(1) lacks \"$text\""
done
page "$share/man/man5/sigmoe-config.5" >shown
works help config
keys=$(sed -n 's/^  \([a-z_.]*\) .*/\1/p' stdout)
for key in $keys; do grep -q "^ $key" shown || problem "sigmoe-config(5) lacks $key"; done

# The scripts are sound, and every shell completes what is typed.
bash_script=$share/bash-completion/completions/sigmoe zsh_script=$share/zsh/site-functions/_sigmoe
fish_script=$share/fish/vendor_completions.d/sigmoe.fish
bash -n "$bash_script" || problem "bash cannot read its completion"
zsh -n "$zsh_script" || problem "zsh cannot read its completion"
fish --no-execute "$fish_script" || problem "fish cannot read its completion"
! command -v shellcheck >/dev/null || shellcheck -s bash "$bash_script" || problem "shellcheck complains of the completion"
python3 "$root/tests/cli/complete.py" bash "$bash_script" || problem "bash does not complete"
python3 "$root/tests/cli/complete.py" zsh "$zsh_script" || problem "zsh does not complete"
python3 "$root/tests/cli/complete.py" fish "$fish_script" || problem "fish does not complete"

# All presets and options are offered.
works presets --json
sed -n 's/.*"name": "\(.*\)",/\1/p' stdout | sort >expected
fish --no-config -c "source '$fish_script'; complete -C 'sigmoe train --preset '" | cut -f 1 | sort >offered
same offered expected
bash -c 'source "$1"; COMP_WORDS=(sigmoe train --preset ""); COMP_CWORD=3; _sigmoe; printf "%s\n" "${COMPREPLY[@]}"' bash "$bash_script" |
    sort >offered
same offered expected
while read -r command; do
    # shellcheck disable=SC2086  # words are words
    works $command --help
    { grep -oE '^  --[a-z-]+' stdout | tr -d ' ' && echo --help; } | sort >expected
    fish --no-config -c "source '$fish_script'; complete -C 'sigmoe $command --'" | cut -f 1 | sort >offered
    same offered expected
    # shellcheck disable=SC2086
    bash -c 'source "$1"; shift; COMP_WORDS=(sigmoe "$@" --) COMP_CWORD=$(($# + 1)); _sigmoe; printf "%s\n" "${COMPREPLY[@]}"' bash \
        "$bash_script" $command | sort >offered
    same offered expected
done <commands

finish
