// System calls made to fail, in this process or in a command, and in their children: a disk that is full after so many
// bytes, a file system that cannot be written, one call of many. Only what is about one directory and all under it fails.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum fault_kind {
    FAULT_ROOM, // files under the directory may grow by `bytes` in all, then ENOSPC; what is removed gives room again
    FAULT_READ_ONLY, // whatever would change something there: EROFS
    FAULT_CALL, // the call number `nth` (from 0) there fails with `error`, or, with 0, moves one byte only
} fault_kind;

typedef struct fault_plan {
    fault_kind kind;
    const char *directory; // which exists
    int64_t bytes;
    int64_t nth;
    bool onwards; // FAULT_CALL: all after it fail, too
    int error;
    const char *calls; // FAULT_CALL: the names of those that count, as "write,fsync"; NULL: all
    int report;        // FAULT_CALL: descriptor that gets a line with the call that was made to fail; 0: none
} fault_plan;

// From here on the plan holds in this process, in place of an earlier one of the same kind. Call it before the process has
// threads of its own. Under the address sanitizer only FAULT_ROOM: the search for leaks at the end stops all threads, and
// its calls would wait for an answer. NULL, or why it cannot be.
const char *faults_begin(const fault_plan *plan);

// No call fails any more.
void faults_end(void);

// Runs a command under the plan. NULL and its exit status, or why it cannot be.
const char *faults_run(const fault_plan *plan, char *const *command, int *status);

// The number of an error's name, as "ENOSPC"; 0 where the name is not known.
int faults_error(const char *name);
