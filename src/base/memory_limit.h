// How much memory the process may take, and whether work that is about to begin has room in it.
#pragma once

#include "base/status.h"

// In bytes: what sigmoe_limit_memory set, otherwise what the machine has or, if less, what the process's cgroups allow; infinite
// if nothing is known.
double memory_limit(void);
// The least limit of the process's cgroups and their ancestors, versions 2 and 1; infinite if there is none. `root` is prepended
// to /proc and /sys: "" except in tests.
double memory_quota(const char *root);

// What work will take, by an estimate.
typedef struct memory_need {
    double bytes;
    const char *what;  // "training on 64 x 256 tokens": the subject of the sentence
    const char *saves; // "a smaller `batch`": the subject of what takes less
} memory_need;

// SIGMOE_NO_MEMORY if it is more than the limit; the sentence says how much, and what to change.
sigmoe_status memory_check(const memory_need *need);
