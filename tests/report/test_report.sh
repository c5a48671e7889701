#!/bin/sh
# The report of a small comparison, opened in a headless browser at two widths and in both colour schemes. A browser that is
# missing is a failure. usage: test_report.sh PROGRAM REPOSITORY
set -eu
program=$1
here=$2/tests/report
if [ -n "${SIGMOE_REPORT_DIRECTORY:-}" ]; then
    place=$SIGMOE_REPORT_DIRECTORY # kept, to look at the pictures
    mkdir -p "$place"
else
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
fi
command -v chromium >/dev/null || {
    echo "chromium, which opens the report, is not installed (Debian: apt-get install chromium)" >&2
    exit 1
}

python3 "$here/small_inputs.py" "$place"
rm -rf "$place/data" "$place/out"
"$program" data prepare text "$place/text.txt" --out "$place/data"
"$program" compare --data "$place/data" --base "$place/base.json" --variants dense,switch:expert_size=16,sigma-moe \
    --seeds 2 --steps 30 --batch 4 --lr 3e-3 --valid-every 5 --valid-tokens 1000 --test-tokens 2000 --out "$place/out"
python3 "$here/check_page.py" "$place/out" "$place"
