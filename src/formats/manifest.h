// manifest.json: the sizes and SHA-256 sums of the files of a directory, so that every reader notices a changed file. A
// directory need not have one, since what other programs made has none; but one that is there must hold.
#pragma once

#include "system/file.h"
#include "system/sha256.h"

#include <jansson.h>

#define MANIFEST_NAME "manifest.json"

typedef struct file_sum {
    int64_t bytes;
    char sha256[SHA256_HEX];
} file_sum;

typedef struct manifest {
    char directory[PATH_CAPACITY];
    json_t *root; // NULL: the directory has none, and whatever is asked of its files holds
    bool
        former; // made of a checkpoint's trainer.json as version 0.1.0 wrote it, which has no sizes and not all names
} manifest;

// One member of an object of sums: {"metrics.jsonl": {"bytes": 812, "sha256": "..."}}. What is read is wrong only if the object was
// not written by file_sum_put; *found is false if it has no such member.
sigmoe_status file_sum_put(json_t *sums, const char *name, const file_sum *sum);
sigmoe_status file_sum_get(const json_t *sums, const char *name, file_sum *sum, bool *found);

// Writes one of all files that are in the directory now and whose names do not begin with a dot.
sigmoe_status manifest_write(const char *directory);
// Writes the manifest that was opened once more, without these files (up to a NULL).
sigmoe_status manifest_leave_out(manifest *m, const char *const *names);

// Reads the directory's manifest, if it has one. Any changed byte of it is an error, and so is a checkpoint that lacks its own.
sigmoe_status manifest_open(const char *directory, manifest *m);
void manifest_close(manifest *m);
bool manifest_names(const manifest *m, const char *name);
// Checks that the file is the one that was written: reads all of it. A manifest that does not name it is an error, too. The
// message says what to do.
sigmoe_status manifest_check(const manifest *m, const char *name);
// The same for a file whose sum was computed already.
sigmoe_status manifest_check_sum(const manifest *m, const char *name, const char *sha256);
// Checks all files that it names.
sigmoe_status manifest_check_all(const manifest *m);
// Opens, checks one file, and closes.
sigmoe_status manifest_check_file(const char *directory, const char *name);
