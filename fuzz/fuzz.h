// What the fuzzers share. Each input is read twice; the second time, one allocation fails, selected by the input's length.
#pragma once

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// Called by libFuzzer, which does not declare it in a header.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

// Puts the input into a file in memory. The path is the same throughout the process.
static inline const char *input_file(const uint8_t *bytes, size_t size) {
    static char path[64];
    static int descriptor = -1;
    if (descriptor < 0) descriptor = memfd_create("input", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (descriptor < 0 || ftruncate(descriptor, 0) != 0 ||
        pwrite(descriptor, bytes, size, 0) != (ssize_t)size)
        abort();
    return path;
}

static inline void read_twice(void (*read_input)(const char *path), const uint8_t *bytes, size_t size) {
    const char *path = input_file(bytes, size);
    read_input(path);
    arena_fail_after((int64_t)(size % 16));
    read_input(path);
    arena_fail_after(-1);
}
