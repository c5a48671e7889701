#!/bin/sh
# What makes system calls fail in the other tests is itself right: where, when and how a call fails, and that nothing else does.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"
needs_faults
mkdir disk other
printf '%4000s' '' >disk/old

expect() { # expect STATUS WHAT COMMAND...: the exit status; stdout and stderr in files
    expected=$1 what=$2
    shift 2
    status=0
    "$faults" --under disk "$@" >stdout 2>stderr || status=$?
    [ "$status" -eq "$expected" ] || problem "$what: exit status $status instead of $expected: $(cat stderr)"
}
size_of() { wc -c <"$1" | tr -d ' '; }

# A disk that fills up: the last write is short, growth alone counts, what is removed gives room, other places have room.
cat >copy.py <<'PYTHON'
import sys
with open(sys.argv[1], "r+b" if len(sys.argv) > 3 else "wb", buffering=0) as file:
    left = int(sys.argv[2])
    while left:
        left -= file.write(b"x" * left)
PYTHON
for room in 0 1 999 1000; do
    expect 1 "1001 bytes into $room" --bytes $room -- python3 copy.py disk/new 1001
    [ "$(size_of disk/new)" -eq $room ] || problem "$(size_of disk/new) bytes were written into $room"
    grep -q 'No space left' stderr || problem "a full disk: $(cat stderr)"
    rm disk/new
done
expect 0 'what fits exactly' --bytes 1001 -- python3 copy.py disk/new 1001
expect 0 'overwriting' --bytes 0 -- python3 copy.py disk/new 1001 over
expect 0 'another directory' --bytes 0 -- python3 copy.py other/new 100000
expect 0 'room of a removed file' --bytes 0 -- sh -c 'rm disk/new; python3 copy.py disk/newer 1001'
expect 1 'a child of a child' --bytes 100 -- sh -c 'sh -c "python3 copy.py disk/child 101; false" || false'
ln -s ../disk other/link
expect 1 'a directory by another name' --bytes 0 -- python3 copy.py other/link/more 1
expect 1 'a command that is replaced' --bytes 0 -- sh -c 'exec python3 copy.py disk/more 1'
[ "$(size_of disk/child)" -eq 100 ] || problem "a child's child wrote $(size_of disk/child) bytes into 100"
rm -f other/link disk/newer disk/child disk/more

# A file system that cannot be written.
for change in 'mkdir disk/d' 'rm disk/old' 'mv disk/old disk/older' 'ln -s a disk/b' 'chmod 600 disk/old' \
    'mv copy.py disk' 'python3 copy.py disk/old 1 over' 'python3 copy.py disk/new 1' 'test -w disk'; do
    # shellcheck disable=SC2086  # a command's words
    expect 1 "$change" --read-only -- $change
    [ "$change" = 'test -w disk' ] || grep -q 'Read-only file system' stderr || problem "$change: $(cat stderr)"
done
expect 0 'reading' --read-only -- head -c 4000 disk/old
expect 0 'elsewhere' --read-only -- sh -c 'mkdir other/d && rmdir other/d'
[ "$(ls disk)" = old ] || problem "a read-only disk has changed: $(ls disk)"

# One call of many, by number and by name; the report says which.
seen=''
for n in 0 1 2 3 4 5 6 7 8 9; do
    "$faults" --under disk --fail EIO --nth $n --report report -- head -c 4000 disk/old >stdout 2>stderr || true
    [ ! -s report ] || grep -q 'Input/output error' stderr || problem "call $n, $(cat report): $(cat stderr)"
    seen="$seen$(cat report) "
done
case $seen in
open*read*close*\ \ \ *) ;;
*) problem "head's calls: $seen" ;;
esac
expect 1 'all calls after one' --fail EIO --nth 1 --onwards --calls unlinkat --report report -- \
    python3 -c 'import os
for name in "abc":
    open("disk/" + name, "w").close()
held = os.open("disk", os.O_RDONLY)
for name in "abc":
    try: os.unlink(name, dir_fd=held)
    except OSError: failed = True
raise SystemExit(failed)'
[ "$(ls disk)" = "$(printf 'b\nc\nold')" ] || problem "all calls after one: $(ls disk)"
rm disk/b disk/c
expect 0 'a call that is not made' --fail EIO --calls fsync,rename --report report -- head -c 4000 disk/old
[ ! -s report ] || problem "reported: $(cat report)"
expect 0 'a short read' --fail short --calls read --report report -- head -c 4000 disk/old
[ "$(cat report)" = read ] || problem "reported: $(cat report)"
[ "$(size_of stdout)" -eq 4000 ] || problem "a short read lost bytes: $(size_of stdout)"

expect 2 'an unknown error' --fail EWHAT -- true
expect 2 'no plan' -- true
expect 2 'no command' --read-only --
finish
