// Watching a run that trains in another process: the implementation of sigmoe_watch_open and sigmoe_watch_look.
#pragma once

#include "watch/screen.h"

struct sigmoe_watch {
    char name[PATH_CAPACITY];
    run_series series;
    int64_t unroll; // 0: unknown
};

sigmoe_status watch_open(const char *run, sigmoe_watch *w);
// Reads what was added, and makes the text, which the caller frees with free().
sigmoe_status watch_look(sigmoe_watch *w, const sigmoe_watch_request *request, char **text, bool *training);
