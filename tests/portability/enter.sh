#!/bin/sh
# enter.sh ROOT PACKAGES CCACHE COMMAND...: runs COMMAND in ROOT as in a machine of its own, with two directories of the host.
# To be started in new mount and process namespaces, which take every mount and process with them when COMMAND ends. The root
# is pivoted to, since in a chroot nobody may make user namespaces.
set -eu
root=$1 packages=$2 ccache=$3
shift 3
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --rbind /sys sys
mount -t tmpfs -o mode=755 devices dev
for node in null zero full random urandom tty; do
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 terminals dev/pts
mount -t tmpfs -o mode=1777 shared dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for name in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${name#*:}" "dev/${name%:*}"; done
mount --bind "$packages" var/cache/apt/archives
mount --bind "$ccache" var/cache/ccache
mkdir -p .outside
pivot_root . .outside
umount -l .outside
exec chroot . "$@"
