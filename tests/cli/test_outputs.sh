#!/bin/sh
# Where results go: what --force replaces and what it leaves alone, names that are links, and runs from strangers.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

# shellcheck source=tests/cli/outputs.sh
. "$root/tests/cli/outputs.sh"
make_inputs
make_tokens tokens.npy 1 13 "$vocab"
refused() { fails 2 "$pattern" "$@"; }

# ---------------------------------------------------------------- what --force leaves alone

for command in $commands; do
    mkdir project
    echo thesis >project/thesis.tex
    how=refused pattern='exists already'
    $command project
    pattern='project exists already, and is no directory that sigmoe made'
    $command project --force
    [ "$(ls -A project)" = thesis.tex ] || problem "$command --force changed a project: $(ls -A project)"
    absent project.partial
    rm -rf project
    echo thesis >file
    pattern='file exists already and is no directory'
    $command file --force
    [ "$(cat file)" = thesis ] || problem "$command --force replaced a file"
    rm file

    # What it made it replaces, also where 0.1.0 did, which wrote no mark; but not with something of the user's in it.
    how=works
    $command made
    [ -f made/.sigmoe ] || problem "$command wrote no mark"
    rm made/.sigmoe
    $command made --force
    mkdir made/figures
    echo thesis >made/figures/thesis.tex
    cp -r made kept
    how=refused pattern='figures in it is not sigmoe.s'
    $command made --force
    same kept made
    rm -rf made kept

    # A link is followed, and stays; also one to what is not there yet.
    how=works
    mkdir disk
    ln -s disk/place link
    $command link
    if [ ! -L link ] || [ ! -f disk/place/.sigmoe ]; then problem "$command did not follow a link to nothing"; fi
    $command link/ --force
    if [ ! -L link ] || [ ! -f disk/place/.sigmoe ]; then problem "$command --force replaced a link"; fi
    [ "$(ls -A disk)" = place ] || problem "$command left something beside what a link leads to: $(ls -A disk)"
    rm -rf disk link

    # A container's volume: empty, but for what its file system has there.
    mkdir -p volume/lost+found
    $command volume
    [ -d volume/lost+found ] || problem "$command removed lost+found"
    [ -f volume/.sigmoe ] || problem "$command did not work in an empty directory"
    rm -rf volume
done

# Half-begun, of a killed process.
mkdir half && printf 'sigmoe run\n' >half/.sigmoe && : >half/metrics.jsonl
train half --force

# ---------------------------------------------------------------- nothing is lost where it fails

# The disk is full when the new run writes its first checkpoint: the old one is there again, and goes on.
train run --seed 1
cp -r run kept
status=0
(
    trap '' XFSZ
    ulimit -f 16
    exec "$program" train --config moe.json --data data --steps 2 --batch 2 --out run --force --seed 2
) >stdout 2>stderr || status=$?
[ "$status" -eq 1 ] || problem "a full disk under --force: exit status $status: $(cat stderr)"
same kept run
works train --resume --out run
# Killed between setting the old aside and the first checkpoint.
mkdir run/.sigmoe-replaced
for entry in run/* run/.sigmoe; do mv "$entry" run/.sigmoe-replaced; done
printf 'sigmoe run\n' >run/.sigmoe
echo '{}' >run/train.json
works train --resume --out run
same kept run

# ---------------------------------------------------------------- files

echo thesis >thesis.safetensors
fails 2 'not a result of sigmoe forward' forward --model model --tokens tokens.npy --out thesis.safetensors
cp -r model another
fails 2 'not a result of sigmoe forward' forward --model model --tokens tokens.npy --out another/model.safetensors
same model another
[ "$(cat thesis.safetensors)" = thesis ] || problem "forward replaced a file that is none of its own"
works forward --model model --tokens tokens.npy --out y.safetensors
ln -s y.safetensors to-y
works forward --model model --tokens tokens.npy --out to-y --seed 1
[ -L to-y ] || problem "forward replaced a link"

# ---------------------------------------------------------------- a run from a stranger

echo precious >precious
mkdir victims
echo precious >victims/00000001
cp -r run stranger
strange() { # strange PATTERN WORD...: refused, and nothing outside was touched
    pattern=$1
    shift
    fails 1 "$pattern" "$@"
    [ "$(cat precious)" = precious ] || problem "sigmoe $*: wrote to what a link leads to"
    [ "$(ls -A victims)" = 00000001 ] || problem "sigmoe $*: wrote or removed where a link leads: $(ls -A victims)"
}
further() { strange "$1" train --resume --out stranger; }
for file in metrics.jsonl valid.jsonl usage.jsonl .lock; do
    [ ! -e "stranger/$file" ] || mv "stranger/$file" aside
    ln -s ../precious "stranger/$file"
    further "stranger/$file is a symbolic link, and is not written through: remove it"
    rm "stranger/$file"
    mkfifo "stranger/$file"
    further "stranger/$file is a device or a pipe"
    rm "stranger/$file"
    [ ! -e aside ] || mv aside "stranger/$file"
done
ln precious stranger/twin && mv -T stranger/twin stranger/usage.jsonl
further 'stranger/usage.jsonl has 2 names \(hard links\)'
cp run/usage.jsonl stranger/copy && mv stranger/copy stranger/usage.jsonl
rm stranger/.sigmoe && ln -s ../precious stranger/.sigmoe
further 'stranger/.sigmoe: it is a symbolic link'
rm stranger/.sigmoe && mv stranger/train.json aside && mkfifo stranger/train.json
further 'train.json: it is not a regular file'
rm stranger/train.json && mv aside stranger/train.json

# The checkpoints' own directory, which is only read, is written to a step later.
unseal stranger
sed -i 's/"steps": 2/"steps": 4/' stranger/train.json
rm -rf stranger/checkpoints/00000000
mv stranger/checkpoints checkpoints && ln -s ../checkpoints stranger/checkpoints
cp -r checkpoints kept.checkpoints
further 'stranger/checkpoints is a symbolic link, and is not written through'
same kept.checkpoints checkpoints
rm stranger/checkpoints && mv checkpoints stranger/checkpoints
ln -s ../../victims stranger/checkpoints/00000004.partial
works train --resume --out stranger
[ "$(ls -A victims)" = 00000001 ] || problem "a checkpoint was written through a link: $(ls -A victims)"

# A comparison: each file of its own, each directory, and what gnuplot draws.
compare comparison
compared() { strange "$1" compare --data data --base ./moe.json --variants dense --seeds 1 --steps 1 --batch 2 --threads 1 --resume --out comparison; }
for file in table.txt table.csv table.json report.html curves.svg curves.png; do
    mv "comparison/$file" aside
    ln -s ../precious "comparison/$file"
    compared "comparison/$file: it is a symbolic link"
    rm "comparison/$file"
    mv aside "comparison/$file"
done
for name in .sigmoe-drawing curves.svg.partial curves.gnuplot; do ln -s ../precious "comparison/$name"; done
compare comparison --resume
[ "$(cat precious)" = precious ] || problem "a figure was drawn through a link"
rm -f comparison/curves.svg.partial comparison/curves.gnuplot
rm comparison/runs/*/result.json && mv comparison/runs runs && ln -s ../runs comparison/runs
compared 'comparison/runs is a symbolic link'
rm comparison/runs && mv runs comparison/runs
run=$(echo comparison/runs/*)
mv "$run" aside && ln -s "$work/victims" "$run"
compared "$run is a symbolic link"
rm "$run" && mv aside "$run"
mv "$run/metrics.jsonl" aside && ln -s "$work/precious" "$run/metrics.jsonl"
compared "$run/metrics.jsonl is a symbolic link"

# What an interrupted download or preparation left.
gzip -c other.txt >wiki.gz
url=file://$work/wiki.gz
digits=$(printf %s "$url" | sha256sum | cut -c 1-8)
ln -s precious "fetched.download-$digits.partial"
strange 'is a symbolic link, and is not written through' data prepare enwik8 "$url" --out fetched
rm "fetched.download-$digits.partial"
mkfifo "fetched.download-$digits.partial.origin"
strange 'fetched.download-.*\.partial\.origin: it is a device or a pipe' data prepare enwik8 "$url" --out fetched
rm -f "fetched.download-"*
mkdir prepared.partial && ln -s ../precious prepared.partial/.sigmoe-unfinished
strange 'prepared.partial/.sigmoe-unfinished is a symbolic link' data prepare text other.txt --out prepared

finish
