#!/bin/sh
# A disk that fills up, and one that cannot be written: one sentence, no half file, and what was there before still loads
# and goes on. The disk is a directory where system calls are made to fail, or the real file system $SIGMOE_TMPFS.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
sigmoe=$program
if [ -n "${SIGMOE_TMPFS:-}" ]; then
    disk=$SIGMOE_TMPFS/disk
    mkdir "$disk"
else
    disk=$work/disk
    mkdir "$disk"
    needs_faults
fi

# From `leave` and `forbid` on to `allow`, $program is the program on such a disk. A remount binds, since a plain one repeats the
# owner's number, which a user namespace does not know.
leave() { # leave KILOBYTES: that much room
    allow
    if [ -n "${SIGMOE_TMPFS:-}" ]; then
        free=$(df -k --output=avail "$disk" | tail -n 1)
        head -c $(((free - $1) * 1024)) /dev/zero >"$SIGMOE_TMPFS/ballast"
    else
        with_faults --under "$disk" --bytes $(($1 * 1024))
    fi
}
forbid() {
    allow
    if [ -n "${SIGMOE_TMPFS:-}" ]; then
        mount -o remount,bind,ro "$SIGMOE_TMPFS"
    else
        with_faults --under "$disk" --read-only
    fi
}
allow() {
    program=$sigmoe
    [ -z "${SIGMOE_TMPFS:-}" ] || mount -o remount,bind,rw "$SIGMOE_TMPFS"
    [ -z "${SIGMOE_TMPFS:-}" ] || rm -f "$SIGMOE_TMPFS/ballast"
}

make_data data
write_config moe.json "$MOE"
make_model model moe.json data
make_tokens tokens.npy 2 13 "$vocab"

train_on() { "$program" train --config moe.json --data data --out "$1" --batch 2 --steps 60 --checkpoint-every 20 --seed 1; }

# In every state of fullness: it works, or it ends with one sentence, and then the newest checkpoint loads and, with room
# again, the training goes on to the same end.
train_on whole >stdout 2>stderr || problem "training failed: $(cat stderr)"
went_on=0 succeeded=0
for kilobytes in 0 4 8 16 32 64 96 128 160 192 224 256 320 384 448 512 640 768 1024 1536; do
    rm -rf "$disk/run"
    leave $kilobytes
    status=0
    train_on "$disk/run" >stdout 2>stderr || status=$?
    allow
    if [ "$status" -eq 0 ]; then
        succeeded=$((succeeded + 1))
        continue
    fi
    [ "$status" -eq 1 ] || problem "$kilobytes KB left: exit status $status: $(tail -n 1 stderr)"
    [ "$(grep -c '^sigmoe: .*No space left' stderr)" -eq 1 ] || problem "$kilobytes KB left: $(cat stderr)"
    # shellcheck disable=SC2012  # names are numbers
    newest=$(ls "$disk/run/checkpoints" 2>/dev/null | tail -n 1)
    [ -n "$newest" ] || continue
    absent "$disk/run/checkpoints/$newest.partial"
    works eval --model "$disk/run" --data data --split test --limit-tokens 500
    works train --resume --out "$disk/run"
    same whole/checkpoints/00000060 "$disk/run/checkpoints/00000060"
    went_on=$((went_on + 1))
done
[ "$went_on" -gt 0 ] || problem "the disk never filled up after a checkpoint: other sizes are needed"
[ "$succeeded" -gt 0 ] || problem "the training never fitted on the disk"
echo "$went_on times a full disk was survived"

rm -rf "$disk/run"
leave 0
fails 1 'No space left' forward --model model --tokens tokens.npy --out "$disk/y.safetensors"
absent "$disk/y.safetensors"
fails 1 'No space left' data prepare text data.txt --out "$disk/data"
absent "$disk/data"
fails 1 'No space left' compare --data data --base ./moe.json --variants dense --steps 1 --batch 2 --out "$disk/compare"

rm -rf "${disk:?}"/*
forbid
fails 1 'Read-only' forward --model model --tokens tokens.npy --out "$disk/y.safetensors"
fails 1 'Read-only' train --config moe.json --data data --out "$disk/run" --batch 2 --steps 1
fails 1 'Read-only' data prepare text data.txt --out "$disk/data"
fails 1 'Read-only' compare --data data --base ./moe.json --variants dense --steps 1 --batch 2 --out "$disk/compare"
allow

finish
