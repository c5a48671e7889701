#include "train/place_lock.h"

#include "formats/file.h"
#include "train/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const double PATIENCE = 5; // seconds

// NFS without its lock daemon, Lustre mounted without locks: errors other than that somebody holds it.
static bool is_held(int descriptor) {
    return flock(descriptor, LOCK_EX | LOCK_NB) != 0 && (errno == EWOULDBLOCK || errno == EINTR);
}

// Who replaces the directory may have removed the file between our opening and our locking it.
static bool still_there(int descriptor, const char *path) {
    struct stat opened, named;
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

static sigmoe_status in_use(const char *directory) {
    return fail(SIGMOE_IO,
        "%s is in use by another process, perhaps a run of a killed one that still saves: try again when it "
        "has ended",
        directory);
}

static sigmoe_status wait_for(int descriptor, const char *directory, const sigmoe_observer *observer) {
    const struct timespec pause = {.tv_nsec = 50000000};
    double start = seconds_now();
    while (is_held(descriptor)) {
        if (observer && observer->stop && *observer->stop)
            return fail(SIGMOE_INTERRUPTED, "stopped while %s was in use by another process", directory);
        if (seconds_now() - start > PATIENCE) return in_use(directory);
        nanosleep(&pause, NULL);
    }
    return SIGMOE_OK;
}

sigmoe_status place_lock(const char *directory, const sigmoe_observer *observer, int *lock) {
    char path[PATH_CAPACITY];
    *lock = -1;
    TRY(path_format(path, "%s/" PLACE_LOCK_NAME, directory));
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (descriptor < 0) return fail_errno("cannot open %s", path);
    sigmoe_status status = wait_for(descriptor, directory, observer);
    if (status == SIGMOE_OK && !still_there(descriptor, path)) status = in_use(directory);
    if (status == SIGMOE_OK)
        *lock = descriptor;
    else
        close(descriptor);
    return status;
}

sigmoe_status place_free(const char *directory, const sigmoe_observer *observer) {
    char path[PATH_CAPACITY];
    int lock;
    TRY(path_format(path, "%s/" PLACE_LOCK_NAME, directory));
    if (!path_exists(path)) return SIGMOE_OK;
    TRY(place_lock(directory, observer, &lock));
    place_unlock(lock);
    return SIGMOE_OK;
}

void place_unlock(int lock) {
    if (lock >= 0) close(lock);
}
