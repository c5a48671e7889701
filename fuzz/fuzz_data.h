// Inputs that must have a name, in a directory of the process, which is removed at its end.
#pragma once

#include "fuzz.h"

#include <string.h>

enum { FUZZ_NAME = 96 };

static char named_directory[64];

static inline void remove_named(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", named_directory);
    if (system(command) != 0) perror(named_directory);
}

// The path of `name`, in memory where the system has such a place.
static inline const char *named_path(char path[FUZZ_NAME], const char *name) {
    if (!*named_directory) {
        const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(named_directory, sizeof named_directory, "%s/sigmoe-fuzz-XXXXXX", place);
        if (!mkdtemp(named_directory)) abort();
        atexit(remove_named);
    }
    snprintf(path, FUZZ_NAME, "%s/%s", named_directory, name);
    return path;
}

// Gives the file in memory at `input`, whose path never changes, a name there.
static inline void name_input(const char *input, const char *name) {
    char path[FUZZ_NAME];
    if (access(named_path(path, name), F_OK) != 0 && symlink(input, path) != 0) abort();
}
