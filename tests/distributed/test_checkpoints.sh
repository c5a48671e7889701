#!/bin/sh
# Checkpoints that all ranks write: the same bytes where rank 0 has to write them alone, because another has no access to the run's
# directory; and a rank that cannot write its part ends all with one sentence, and costs no earlier checkpoint.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
# shellcheck source=tests/distributed/common.sh
. "$root/tests/distributed/common.sh"
make_data data
write_config sigmoid.json "$MOE"
# Everything that is in a checkpoint.
same_checkpoints() {
    for step in 00000000 00000012; do
        [ ! -e "$1/checkpoints/$step" ] || same "$1/checkpoints/$step" "$2/checkpoints/$step"
    done
}
# begun_by COUNT WRAPPER WORD...: the command in so many processes, the second of them behind a wrapper, a line of shell.
begun_by() {
    count=$1
    cat >wrapped <<WRAPPED
case \${OMPI_COMM_WORLD_RANK:-\$PMIX_RANK} in
1) $2 "\$@" ;;
*) exec "\$@" ;;
esac
WRAPPED
    shift 2
    status=0
    timeout 120 mpirun --oversubscribe -n "$count" sh wrapped "$program" "$@" >stdout 2>stderr || status=$?
}
ALONE='^rank 0 writes the checkpoints in [^ ]* alone: rank 1 on [^ ]* cannot write there$'

# ---------------------------------------------------------------- directories of rank 1 that are others

for options in '' '--zero 1' '--expert-parallel 2' '--expert-parallel 2 --zero 1'; do
    for count in 2 4; do
        common="train --config sigmoid.json --data data --force $SETTINGS $options"
        # shellcheck disable=SC2086
        ranks_work $count $common --out together
        ! grep -q alone stderr || problem "ranks do not write together: $(cat stderr)"
        # shellcheck disable=SC2016,SC2086  # the wrapper's words
        begun_by $count 'for word; do shift; [ "$word" != alone ] || word=elsewhere; set -- "$@" "$word"; done; exec' \
            $common --out alone
        [ "$status" -eq 0 ] || problem "rank 1 has another directory: $(cat stderr)"
        [ "$(grep -c "$ALONE" stderr)" -eq 1 ] || problem "rank 0 does not say that it writes alone: $(cat stderr)"
        [ ! -e elsewhere ] || problem "rank 1 makes a directory"
        same_checkpoints together alone
    done
done

# ---------------------------------------------------------------- calls of rank 1 that fail

needs_faults
# faulty OPTION...: the wrapper that makes rank 1's calls for the run fail.
faulty() { echo "exec \"$faults\" --under faulty $* --"; }
begin_run() {
    rm -rf faulty
    # shellcheck disable=SC2086
    ranks_work 2 train --config sigmoid.json --data data --out faulty $SETTINGS --schedule constant --steps 4 \
        --expert-parallel 2
    cp -r faulty whole
}
begin_run
begun_by 2 "$(faulty --read-only)" train --resume --out faulty --steps 8 --expert-parallel 2
[ "$status" -eq 0 ] || problem "rank 1 may not write: $(cat stderr)"
grep -q "$ALONE" stderr || problem "rank 0 does not say that it writes alone: $(cat stderr)"
cp -r whole together.8
ranks_work 2 train --resume --out together.8 --steps 8 --expert-parallel 2
same faulty/checkpoints/00000008 together.8/checkpoints/00000008

# does_not_write WHAT OPTION...: with such failures nothing new is there, and everything old.
does_not_write() {
    what=$1
    shift
    rm -rf faulty
    cp -r whole faulty
    begun_by 2 "$(faulty "$@")" train --resume --out faulty --steps 8 --expert-parallel 2
    refused "the checkpoint of step 8 was not written, earlier ones are whole: rank 1 on [^ ]*: cannot write .*$what"
    same whole/checkpoints faulty/checkpoints
    works train --resume --out faulty --steps 8
}
does_not_write 'model.safetensors: No space left' --fail ENOSPC --calls pwrite64 --nth 0
does_not_write 'trainer.safetensors: No space left' --fail ENOSPC --calls pwrite64 --nth 8
does_not_write 'model.safetensors: Input/output error' --fail EIO --calls fsync --nth 0
does_not_write 'trainer.safetensors: Disk quota exceeded' --fail EDQUOT --calls fsync --nth 1
[ "$failures" -eq 0 ] || finish

# ---------------------------------------------------------------- a disk of rank 1's own

mkdir disk
unshare --mount mount -t tmpfs sigmoe-test disk 2>refusal ||
    not_run "a rank with a disk of its own: the system allows no mounts: $(head -n 1 refusal)"
# shellcheck disable=SC2016  # the inner shell's words
begun_by 2 "exec unshare --mount sh -c 'mount -t tmpfs sigmoe-test disk && exec \"\$@\"' sh" train --config sigmoid.json \
    --data data --out disk/run --batch 8 --steps 12 --lr 3e-3 --valid-every 6 --seed 5 --threads 1 --expert-parallel 2
[ "$status" -eq 0 ] || problem "rank 1 has a disk of its own: $(cat stderr)"
grep -q "$ALONE" stderr || problem "rank 0 does not say that it writes alone: $(cat stderr)"
# shellcheck disable=SC2086
ranks_work 2 train --config sigmoid.json --data data --out together --force $SETTINGS --expert-parallel 2
same_checkpoints together disk/run

finish
