// A disk with little room, for unit tests: writes under a directory are made to fail, which needs no privilege. The same
// tests run on a real file system where tests/fault/on_tmpfs.sh could mount one; then only those named *full_disk* run.
#pragma once

#include "system_faults.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

// After the project's headers: cmocka has a macro named fail.
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static inline const char *real_disk(void) {
    return getenv("SIGMOE_TMPFS");
}

__attribute__((constructor)) static void choose_tests(void) {
    if (real_disk()) cmocka_set_test_filter("*full_disk*");
}

// Ends the test as skipped; the summary of ./run test says so, and why.
static inline void not_run(const char *reason) {
    const char *list = getenv("SIGMOE_NOT_RUN"), *test = getenv("SIGMOE_TEST");
    FILE *file = list ? fopen(list, "a") : NULL;
    if (file) fprintf(file, "%s, a full disk: %s\n", test ? test : program_invocation_short_name, reason);
    if (file) fclose(file);
    print_message("not run: %s\n", reason);
    skip();
}

// Makes the directory of the disk: `path`, or one on the real disk.
static inline const char *disk_make(const char *path) {
    static char place[128];
    snprintf(place, sizeof place, "%s", path);
    if (real_disk()) snprintf(place, sizeof place, "%s/%s", real_disk(), strrchr(path, '/') + 1);
    assert_int_equal(mkdir(place, 0777), 0);
    return place;
}

static inline const char *disk_ballast(void) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/ballast", real_disk());
    return path;
}

// From now on there is room as on a new disk.
static inline void disk_empty(void) {
    if (real_disk())
        unlink(disk_ballast());
    else
        faults_end();
}

static inline void fill_real_disk(int64_t but) {
    static char block[4096];
    struct statvfs about;
    FILE *file = fopen(disk_ballast(), "wb");
    assert_non_null(file);
    assert_int_equal(statvfs(real_disk(), &about), 0);
    for (int64_t left = (int64_t)(about.f_bavail * about.f_bsize); left > but; left -= (int64_t)sizeof block)
        assert_int_equal(fwrite(block, 1, sizeof block, file), sizeof block);
    assert_int_equal(fclose(file), 0);
}

// From now on files under `disk` may grow by `bytes`, a multiple of 4096.
static inline void disk_leave(const char *disk, int64_t bytes) {
    disk_empty();
    if (real_disk()) {
        fill_real_disk(bytes);
        return;
    }
    const char *refusal = faults_begin(&(fault_plan){.kind = FAULT_ROOM, .directory = disk, .bytes = bytes});
    if (refusal) not_run(refusal);
}
