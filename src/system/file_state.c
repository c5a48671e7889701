#include "system/file_state.h"

#include <sys/stat.h>
#include <time.h>

static const int64_t SECOND = 1000000000, SETTLED = 2 * 1000000000LL; // FAT counts in two seconds

static int64_t nanoseconds(struct timespec t) {
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

sigmoe_status file_state_of(int descriptor, const char *path, file_state *out) {
    struct stat about;
    if (fstat(descriptor, &about) != 0) return fail_errno("cannot read %s", path);
    *out = (file_state){.device = about.st_dev,
        .inode = about.st_ino,
        .size = about.st_size,
        .modified = nanoseconds(about.st_mtim),
        .changed = nanoseconds(about.st_ctim)};
    return SIGMOE_OK;
}

bool file_state_equal(const file_state *a, const file_state *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified == b->modified && a->changed == b->changed;
}

bool file_state_is_settled(const file_state *s) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    int64_t latest = s->modified > s->changed ? s->modified : s->changed;
    return nanoseconds(time) - latest > SETTLED;
}
