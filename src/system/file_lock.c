#include "system/file_lock.h"

#include "system/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static sigmoe_status open_lock(int directory, const char *name, const char *path, int *descriptor) {
    struct stat about;
    *descriptor = descriptor_open(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
    if (*descriptor < 0 && errno == ELOOP)
        return fail(SIGMOE_IO, "%s is a symbolic link, and is not written through: remove it", path);
    if (*descriptor < 0) return fail_errno("cannot open %s", path);
    if (fstat(*descriptor, &about) == 0 && S_ISREG(about.st_mode)) return SIGMOE_OK;
    close(*descriptor);
    *descriptor = -1;
    return fail(SIGMOE_IO, "%s is a device or a pipe, and no file to lock: remove it", path);
}

sigmoe_status file_lock_open(const char *path, int *descriptor) {
    const char *name;
    int directory;
    *descriptor = -1;
    TRY(directory_hold_parent(path, "open", &directory, &name));
    sigmoe_status status = open_lock(directory, name, path, descriptor);
    close(directory);
    return status;
}

// Other errors mean that locks are not available: NFS without its lock daemon, Lustre mounted without locks.
bool file_lock_try(int descriptor) {
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR);
}

// Of the open file, as those of flock(2) are: a process that opens it twice excludes itself.
static int lock_part(int descriptor, int64_t part, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = part, .l_len = 1};
    return fcntl(descriptor, F_OFD_SETLK, &lock);
}

sigmoe_status file_lock_try_part(int descriptor, int64_t part, const char *path, bool *taken) {
    *taken = lock_part(descriptor, part, F_WRLCK) == 0;
    if (*taken || errno == EAGAIN || errno == EACCES || errno == EINTR) return SIGMOE_OK;
    return fail_errno("cannot lock a part of %s", path);
}

void file_lock_release_part(int descriptor, int64_t part) {
    lock_part(descriptor, part, F_UNLCK);
}

sigmoe_status file_lock_check(int descriptor, const char *path, bool *stands) {
    struct stat opened, named;
    *stands = false;
    if (fstat(descriptor, &opened) != 0) return fail_errno("cannot read %s", path);
    if (lstat(path, &named) != 0)
        return errno == ENOENT || errno == ENOTDIR ? SIGMOE_OK : fail_errno("cannot read %s", path);
    *stands = opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
    return SIGMOE_OK;
}

bool file_lock_held(const char *path) {
    const char *name;
    int directory;
    if (directory_hold_parent(path, "open", &directory, &name) != SIGMOE_OK) return false;
    int descriptor = descriptor_open(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    close(directory);
    if (descriptor < 0) return false;
    bool held = flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(descriptor);
    return held;
}
