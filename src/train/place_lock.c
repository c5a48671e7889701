#include "train/place_lock.h"

#include "formats/file.h"
#include "formats/file_lock.h"
#include "train/clock.h"

#include <time.h>
#include <unistd.h>

static const double PATIENCE = 5; // seconds

static sigmoe_status in_use(const char *directory) {
    return fail(SIGMOE_IO,
        "%s is in use by another process, perhaps a run of a killed one that still saves: try again when it "
        "has ended",
        directory);
}

static sigmoe_status wait_for(int descriptor, const char *directory, const sigmoe_observer *observer) {
    const struct timespec pause = {.tv_nsec = 50000000};
    double start = seconds_now();
    while (!file_lock_try(descriptor)) {
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
    int descriptor;
    TRY(file_lock_open(path, &descriptor));
    sigmoe_status status = wait_for(descriptor, directory, observer);
    if (status == SIGMOE_OK && !file_lock_stands(descriptor, path)) status = in_use(directory);
    if (status == SIGMOE_OK)
        *lock = descriptor;
    else
        close(descriptor);
    return status;
}

sigmoe_status place_take(const char *directory, bool force, const sigmoe_observer *observer, int *lock) {
    if (force) TRY(place_free(directory, observer));
    TRY(output_claim(directory, force));
    TRY(directory_make(directory));
    return place_lock(directory, observer, lock);
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
