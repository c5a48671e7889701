// A log that a run appends to: JSON lines, each with its "step". Its sum is computed as it grows, so that a checkpoint can tell
// how much of it there was, and whether that is still what was written.
#pragma once

#include "formats/manifest.h"

#include <stdio.h>

typedef struct log_file {
    FILE *stream;     // NULL: nothing is written
    const char *name; // "metrics.jsonl"; not copied
    int64_t bytes;    // of all lines in it, and their sum
    struct sha256_ctx sum;
} log_file;

// How much of a log a run that is resumed keeps.
typedef struct log_part {
    char path[PATH_CAPACITY];
    const char *name;
    int64_t size, kept;    // bytes of the file, and of its lines that are kept
    int64_t newest;        // step of the last of these; -1: none
    struct sha256_ctx sum; // of the bytes that are kept
} log_part;

// Checks the log `name` of a run that goes on behind step `last`; a dense log has a line for every step. Kept is what
// `sums`, those of the checkpoint (train/log_sums.h; NULL: unknown), say that there was; where they say nothing, complete lines of
// steps up to `last`.
// Lines that the checkpoint depends on and that are missing, damaged or out of order, which no crash causes, are an error.
// Changes nothing.
sigmoe_status log_check(
    const char *run, const char *name, const json_t *sums, int64_t last, bool dense, log_part *part);
// Cuts off what is not kept, and opens the log.
sigmoe_status log_open(const log_part *part, log_file *log);
void log_close(log_file *log);                                // one that is not open is allowed
sigmoe_status log_write(log_file *log, const json_t *object); // a line
sigmoe_status log_sync(log_file *log); // forces all lines to the disk, if the log is open
sigmoe_status log_add_sum(const log_file *log, json_t *sums); // if the log is open
