#include "formats/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

sigmoe_status file_lock_open(const char *path, int *descriptor) {
    *descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    return *descriptor < 0 ? fail_errno("cannot open %s", path) : SIGMOE_OK;
}

// NFS without its lock daemon, Lustre mounted without locks: errors other than that somebody holds it.
bool file_lock_try(int descriptor) {
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR);
}

bool file_lock_stands(int descriptor, const char *path) {
    struct stat opened, named;
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}
