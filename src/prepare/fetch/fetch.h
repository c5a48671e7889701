// A file from the first of several addresses that has it.
#pragma once

#include "system/file.h"

typedef struct fetch_request {
    const char *const *urls;
    int count;
    const char *keep;   // how the paths of what is fetched begin
    const char *task;   // for progress
    const char *sha256; // what it must have; NULL: any
    const sigmoe_observer *observer;
} fetch_request;

// Where it lies goes to `path`: what an earlier try fetched whole is taken as it is, what it left in part is gone on with. Once it
// is there, what other addresses left in part is removed.
sigmoe_status fetch(const fetch_request *request, char path[PATH_CAPACITY]);
// Removes all that any fetches with this `keep` left, whole or in part, but the files named in `spared`.
void fetch_forget(const char *keep, const char *const *spared, int count);
bool is_url(const char *name);
