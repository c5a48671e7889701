#include "base/memory_limit.h"

#include "base/cgroup.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

static double chosen; // by sigmoe_limit_memory; 0: none

void sigmoe_limit_memory(double bytes) {
    chosen = bytes > 0 ? bytes : 0;
}

// Version 2 says "max" where there is no limit, version 1 a number near 2^63.
static void take_least(const char *directory, void *least) {
    double *so_far = least;
    long long limit[2];
    if (cgroup_numbers(directory, "memory.max", limit) < 1 &&
        cgroup_numbers(directory, "memory.limit_in_bytes", limit) < 1)
        return;
    if (limit[0] > 0) *so_far = fmin(*so_far, (double)limit[0]);
}

double memory_quota(const char *root) {
    double least = INFINITY;
    cgroup_visit(root, "memory", take_least, &least);
    return least;
}

static double machine_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (double)pages * (double)size : INFINITY;
}

double memory_limit(void) {
    return chosen > 0 ? chosen : fmin(machine_memory(), memory_quota(""));
}

// "1.5 GB"
static const char *amount(double bytes, char text[32]) {
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    int unit = 0;
    for (bytes /= 1000; bytes >= 1000 && unit < 4; unit++) bytes /= 1000;
    snprintf(text, 32, bytes < 100 ? "%.2g %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

sigmoe_status memory_check(const memory_need *need) {
    char needed[32], allowed[32];
    double limit = memory_limit();
    if (need->bytes <= limit) return SIGMOE_OK;
    return fail(SIGMOE_NO_MEMORY,
        "%s takes about %s of memory, and %s may be taken%s; %s takes less, and `max_memory` sets how much "
        "may be taken",
        need->what, amount(need->bytes, needed), amount(limit, allowed),
        chosen > 0 ? "" : " (what the machine has, or its cgroup allows)", need->saves);
}
