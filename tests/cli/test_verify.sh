#!/bin/sh
# Data that are not what they were: damaged, changed while a run uses them or between two parts of it, without sums, with sums that
# are wrong; and what is known of large shards. Last, downloads that --offline forbids.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
export XDG_CACHE_HOME="$work/cache"

make_data data
write_config config.json "$DENSE"

# flip FILE BYTE: changes the lowest bit of a byte, and again changes it back.
flip() {
    python3 - "$@" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))
PYTHON
}

# meta.json has the sum that sha256sum gives, and imported data have theirs.
for split in train valid test; do
    grep -q "\"$(sha256sum "data/$split.bin" | cut -c 1-64)\"" data/meta.json || problem "meta.json lacks the sum of $split.bin"
done
works data export --data data --format nanogpt --out nano
works data import --format nanogpt --in nano --vocab-size "$vocab" --out imported
grep -q "\"$(sha256sum imported/train.bin | cut -c 1-64)\"" imported/meta.json || problem "imported data have no sum"
works data verify data
works data verify imported
[ ! -e cache ] || problem "small shards are in the cache"

# Every reader refuses damaged data; byte 500 is in a part of the header that is not read.
make_model model config.json data
works train --config config.json --data data --out run --batch 2 --steps 3
flip data/valid.bin 500
damaged='data/valid.bin is damaged, or of other data: its SHA-256 is not the one that meta.json has'
fails 1 "$damaged" data verify data
fails 1 "$damaged" train --config config.json --data data --out other --batch 2 --steps 3 --valid-every 1
fails 1 "$damaged" train --resume --out run --steps 6
fails 1 "$damaged" eval --model model --data data --split valid
fails 1 "$damaged" analyze model --data data --out analysis
fails 1 "$damaged" compare --base demo --variants dense,sigma-moe --data data --out comparison
fails 1 "$damaged" data export --data data --format nanogpt --out exported
absent other analysis exported
fails 1 "$damaged" eval --model model --data data --split test --verify
works eval --model model --data data --split test
flip data/valid.bin 500
works train --resume --out run --steps 4 --verify
works eval --model model --data data --verify
works analyze model --data data --out analysis --verify

# Between two parts of a run, with sums that were adapted.
cp -r data former
flip data/train.bin 2000
was=$(sha256sum former/train.bin | cut -c 1-64) is=$(sha256sum data/train.bin | cut -c 1-64)
sed -i "s/$was/$is/" data/meta.json
works data verify data
fails 1 'the data in .*data are not what this run began with' train --resume --out run --steps 6
fails 2 'the data in data are not what this run began with' train --resume --out run --steps 6 --data data
works train --resume --out run --steps 5 --data former
rm -r data && mv former data

# A run and data of version 0.1.0, which knew no sums, go on; data that get sums later are the same data.
cp data/meta.json meta.json
python3 - <<'PYTHON'
import json
for path in "data/meta.json", "run/train.json":
    root = json.load(open(path))
    for split in root["splits"].values():
        del split["shards"]
    for later in "version", "keep", "on_nonfinite", "sha256":
        root.pop(later, None)
    json.dump(root, open(path, "w"))
PYTHON
works data verify data
works eval --model model --data data
works train --resume --out run --steps 6
cp meta.json data/meta.json
works train --resume --out run --steps 7

# Under a run: it ends with a sentence, and goes on when the data are what they were.
"$program" train --config config.json --data data --out running --batch 2 --steps 1000000 --checkpoint-every 50 \
    >stdout 2>stderr &
process=$!
while ! grep -qs '"step": *60,' running/metrics.jsonl && kill -0 "$process" 2>/dev/null; do sleep 0.1; done
flip data/train.bin 1024
status=0
wait "$process" || status=$?
[ "$status" -eq 1 ] || problem "a run whose data change: exit status $status, $(tail -n 1 stderr)"
grep -q '^sigmoe: .*data/train.bin was changed while it was in use' stderr || problem "it says: $(tail -n 1 stderr)"
fails 1 'data/train.bin is damaged' train --resume --out running
flip data/train.bin 1024
steps=$(basename "$(printf '%s\n' running/checkpoints/* | tail -n 1)" | sed 's/^0*//')
works train --resume --out running --steps "$((steps + 2))"

# Read-only data, and a cache that cannot be.
chmod -R a-w data
works data verify data
HOME='' XDG_CACHE_HOME=/dev/null/cache works eval --model model --data data
chmod -R u+w data

# Nothing is fetched, and no secret is told.
fails 1 'enwik8.zip is not here, and --offline forbids to fetch it' data prepare enwik8 --offline --out fetched
fails 1 'c4-train.* is not here, and --offline' data prepare c4 --offline --out fetched
fails 1 'https://127.0.0.1:1/wiki.zip\?\.\.\. is not here, and --offline' \
    data prepare wikitext103 'https://user:secret@127.0.0.1:1/wiki.zip?token=secret' --offline --out fetched
fails 1 'cannot reach https://127.0.0.1:1/wiki.zip\?\.\.\. ' \
    data prepare wikitext103 'https://user:secret@127.0.0.1:1/wiki.zip?token=secret' --out fetched
! grep -q secret stderr || problem "a secret is told: $(cat stderr)"
absent fetched

finish
