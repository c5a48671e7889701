#!/bin/sh
# The report of a small comparison, the pages of its runs and an analysis of two, opened in a headless browser at two widths, in
# both colour schemes and in print. A browser that is missing is a failure. usage: test_report.sh PROGRAM REPOSITORY
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
for tool in chromium pdftotext; do
    command -v $tool >/dev/null || {
        echo "$tool, which reads the report, is not installed (Debian: apt-get install chromium poppler-utils)" >&2
        exit 1
    }
done

python3 "$here/small_inputs.py" "$place"
rm -rf "$place/data" "$place/out" "$place/analysis"
"$program" data prepare text "$place/text.txt" --out "$place/data"
"$program" compare --data "$place/data" --base "$place/base.json" --variants dense,switch:expert_size=16,sigma-moe \
    --seeds 2 --steps 30 --batch 4 --lr 3e-3 --valid-every 5 --valid-tokens 1000 --test-tokens 2000 --out "$place/out"
"$program" analyze "$place/out/runs/sigma-moe-seed0" "$place/out/runs/dense-seed0" --data "$place/data" \
    --limit-tokens 2000 --out "$place/analysis"
python3 "$here/check_page.py" "$place/out" "$place/analysis" "$place"
