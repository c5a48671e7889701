#!/bin/sh
# compare: the files it leaves, its options, what it refuses, and that a finished comparison is not trained again.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
make_data data
write_config moe.json "$MOE" 0

compare() { works compare --data data --base ./moe.json --steps 4 --batch 2 --test-tokens 500 "$@"; }

compare --variants dense,topk:k=5,pkm-relu,switch:expert_size=12,sigma-moe --seeds 2 --out run
for variant in dense topk pkm-relu switch sigma-moe; do grep -q "$variant" stdout || problem "no row of $variant"; done
for file in table.txt table.csv table.json report.html; do [ -s "run/$file" ] || problem "run/$file is missing"; done
# What is printed is the table, and where the report is.
printf '\nreport: run/report.html\n' | cat run/table.txt - >expected
same stdout expected
grep -qF "<pre class=\"wrap\">$program compare --data data --base ./moe.json --steps 4" run/report.html ||
    problem "the report does not say what was typed"
valid_json run/table.json

cp -r run before
compare --variants dense,topk:k=5,pkm-relu,switch:expert_size=12,sigma-moe --seeds 2 --out run --resume
find before -path '*checkpoints*' -name model.safetensors | while read -r file; do
    cmp -s "$file" "run/${file#before/}" || echo "$file"
done >changed
[ ! -s changed ] || problem "finished runs were trained again: $(cat changed)"

fails 2 'exists' compare --data data --base ./moe.json --variants dense --steps 4 --batch 2 --out run
same before/table.json run/table.json
compare --variants dense,sigma-moe --out run --force --threads 1
compare --variants topk:k=5:norm_compensation=true --out options --set ff.k=1

# A run of it that another process trains in is left to that one.
rm run/runs/dense-seed0/result.json
mkfifo held
(exec 9<run/runs/dense-seed0/.lock && flock 9 && echo held >held && exec sleep 60) &
read -r _ <held
fails 1 'dense-seed0 is in use' compare --data data --base ./moe.json --steps 4 --batch 2 --test-tokens 500 --variants dense,sigma-moe --out run \
    --resume
kill $!
wait $! 2>/dev/null || true
compare --variants dense,sigma-moe --out run --resume

cp moe.json run/moe.json
fails 2 'run holds the base run/moe.json: ' compare --data data --base run/moe.json --variants dense --steps 4 --batch 2 --out run --force
for file in moe.json table.txt; do [ -s "run/$file" ] || problem "--force removed run/$file"; done

# Trainings that all run away are a failure, told with the table; so is what --resume finds of them.
for again in '' --resume; do
    # shellcheck disable=SC2086
    fails 1 'all runs failed: wild/table.txt' compare --data data --base ./moe.json --variants dense,sigma-moe --steps 12 --batch 2 \
        --test-tokens 500 --lr 1000 --clip 0 --warmup 0 --out wild $again
    printf '\nreport: wild/report.html\n' | cat wild/table.txt - >expected
    same stdout expected
    grep -q '^6 of 6 runs have no score' stdout || problem "the table does not count failed runs: $(cat stdout)"
done

fails 2 'did you mean' compare --data data --base ./moe.json --variants dnese --out x
fails 2 'ff\.kk|kk' compare --data data --base ./moe.json --variants topk:kk=5 --out x
fails 2 'empty' compare --data data --base ./moe.json --variants dense,,topk --out x
fails 2 'empty' compare --data data --base ./moe.json --variants dense, --out x
fails 2 . compare --data data --base ./moe.json --variants topk:k --out x
fails 2 . compare --data data --base ./moe.json --variants sigma-moe:k=99 --out x
fails 2 'choose one' compare --data data --base ./moe.json --variants dense --out run --force --resume
fails 2 'did you mean' compare --data data --base dmeo --variants dense --out x
fails 1 'missing' compare --data data --base ./missing.json --variants dense --out x
fails 1 'missing' compare --data missing --base ./moe.json --variants dense --out x
fails 2 'needs --variants' compare --data data --base demo --out x
fails 2 '[0-9]' compare --data data --base ./moe.json --variants dense --batch 100000 --out x
write_config dense.json "$DENSE"
fails 2 'moe|MoE' compare --data data --base ./dense.json --variants dense --out x
absent x missing

finish
