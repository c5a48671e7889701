#include "system/shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AS_FILE = O_WRONLY | O_NOFOLLOW | O_NONBLOCK }; // a pipe without a reader must not hang

static sigmoe_status open_in_parent(const char *path, int flags, int *descriptor) {
    const char *name;
    int directory;
    *descriptor = -1;
    TRY(directory_hold_parent(path, "write", &directory, &name));
    *descriptor = descriptor_open(directory, name, AS_FILE | flags);
    sigmoe_status status = *descriptor < 0 ? fail_errno("cannot write %s", path) : SIGMOE_OK;
    close(directory);
    return status;
}

static sigmoe_status close_failed(int *descriptor, sigmoe_status status) {
    if (status == SIGMOE_OK) return SIGMOE_OK;
    close(*descriptor);
    *descriptor = -1;
    return status;
}

sigmoe_status shared_file_make(const char *path, int64_t size, int *descriptor) {
    TRY(open_in_parent(path, O_CREAT | O_EXCL, descriptor));
    sigmoe_status status =
        ftruncate(*descriptor, size) == 0 ? SIGMOE_OK : fail_errno("cannot write %s", path);
    return close_failed(descriptor, status);
}

static sigmoe_status check_joined(int descriptor, const char *path, int64_t size) {
    struct stat about;
    if (fstat(descriptor, &about) != 0) return fail_errno("cannot write %s", path);
    if (S_ISREG(about.st_mode) && about.st_nlink == 1 && about.st_size == size) return SIGMOE_OK;
    return fail(SIGMOE_IO, "cannot write %s: it is not the file that was made to be written together", path);
}

sigmoe_status shared_file_join(const char *path, int64_t size, int *descriptor) {
    TRY(open_in_parent(path, 0, descriptor));
    return close_failed(descriptor, check_joined(*descriptor, path, size));
}

sigmoe_status shared_file_write(
    int descriptor, const char *path, int64_t offset, const void *bytes, size_t size) {
    for (const char *from = bytes; size > 0;) {
        ssize_t written = pwrite(descriptor, from, size, offset);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_errno("cannot write %s", path);
        from += written;
        offset += written;
        size -= (size_t)written;
    }
    return SIGMOE_OK;
}

sigmoe_status shared_file_sync(int descriptor, const char *path) {
    return fsync(descriptor) == 0 ? SIGMOE_OK : fail_errno("cannot write %s", path);
}

sigmoe_status shared_file_close(int descriptor, const char *path) {
    return close(descriptor) == 0 ? SIGMOE_OK : fail_errno("cannot write %s", path);
}
