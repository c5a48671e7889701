// What the fuzzers share: inputs as files and directories, and allocations that fail. Each input is read twice; the second time,
// one allocation fails, an arena's or one of JSON. Which one, the input's bytes decide.
#pragma once

#include "base/arena.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// Called by libFuzzer, which does not declare it in a header.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

// ---------------------------------------------------------------- inputs as files

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

static char fuzz_directory[64];

static inline void remove_fuzz_directory(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", fuzz_directory);
    if (system(command) != 0) perror(fuzz_directory);
}

// A directory of the process, in memory where the system has such a place, and removed at its end.
static inline const char *input_directory(void) {
    if (*fuzz_directory) return fuzz_directory;
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(fuzz_directory, sizeof fuzz_directory, "%s/sigmoe-fuzz-XXXXXX", place);
    if (!mkdtemp(fuzz_directory)) abort();
    atexit(remove_fuzz_directory);
    return fuzz_directory;
}

enum { FUZZ_PATH = 128 };

// The path of `name` in that directory.
static inline const char *input_path(char path[FUZZ_PATH], const char *name) {
    if (snprintf(path, FUZZ_PATH, "%s/%s", input_directory(), name) >= FUZZ_PATH) abort();
    return path;
}

// Writes a file there.
static inline void input_write(const char *name, const void *bytes, size_t size) {
    char path[FUZZ_PATH];
    FILE *file = fopen(input_path(path, name), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
}

// Gives the file in memory at `input`, whose path never changes, a name there.
static inline void name_input(const char *input, const char *name) {
    char path[FUZZ_PATH];
    if (access(input_path(path, name), F_OK) != 0 && symlink(input, path) != 0) abort();
}

// ---------------------------------------------------------------- allocations that fail

static int json_successes = -1; // allocations of JSON until one fails; negative: none does
static bool json_parses;

// jansson 2.14 overwrites memory of others when it parses and gets none, so what fails is only what builds values and texts.
static inline void *json_allocate(size_t size) {
    if (!json_parses && json_successes >= 0 && json_successes-- == 0) return NULL;
    return malloc(size);
}

// The linker has each program call this one (--wrap).
json_t *__real_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error) {
    json_parses = true;
    json_t *value = __real_json_loadb(text, size, flags, error);
    json_parses = false;
    return value;
}

// One of the next allocations fails, once.
static inline void fail_an_allocation(const uint8_t *bytes, size_t size) {
    enum { ARENA_CHOICES = 16, JSON_CHOICES = 64 };
    uint32_t hash = 2166136261; // FNV-1a
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 16777619;
    hash ^= hash >> 15;
    json_set_alloc_funcs(json_allocate, free);
    if (hash % 2)
        arena_fail_after(hash / 2 % ARENA_CHOICES);
    else
        json_successes = (int)(hash / 2 % JSON_CHOICES);
}

static inline void fail_no_allocation(void) {
    arena_fail_after(-1);
    json_successes = -1;
}

static inline void read_twice(void (*read_input)(const char *path), const uint8_t *bytes, size_t size) {
    const char *path = input_file(bytes, size);
    read_input(path);
    fail_an_allocation(bytes, size);
    read_input(path);
    fail_no_allocation();
}
