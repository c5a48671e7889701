// Downloads a file from the first of several addresses that has it.
#pragma once

#include "prepare/fetch/shown_url.h"
#include "system/file.h"

typedef struct fetch_request {
    const char *const *urls;
    int count;
    const char *keep;   // prefix of the downloaded files' paths
    const char *task;   // for progress
    const char *sha256; // what it must have; NULL: any
    int64_t most_bytes; // that it may have
    bool offline;       // only what an earlier try completed, or is a file: URL
    const sigmoe_observer *observer;
} fetch_request;

// Sets `path` to the file's location. A file that an earlier try completed is used as it is; a partial one is resumed. Then
// removes partial files from the other addresses.
sigmoe_status fetch(const fetch_request *request, char path[PATH_CAPACITY]);
// Removes everything that fetches with this `keep` left, complete or partial, except the files named in `spared`.
void fetch_forget(const char *keep, const char *const *spared, int count);
