#include "base/cpu_quota.h"

#include "base/cgroup.h"

#include <limits.h>

// Quota and period in microseconds: cgroup version 2 has both in one file, version 1 in two.
static int quota_of_directory(const char *directory) {
    long long quota[2], period[2];
    int count = cgroup_numbers(directory, "cpu.max", quota);
    if (count == 2)
        period[0] = quota[1];
    else if (cgroup_numbers(directory, "cpu.cfs_quota_us", quota) < 1 ||
             cgroup_numbers(directory, "cpu.cfs_period_us", period) < 1)
        return INT_MAX;
    if (quota[0] <= 0 || period[0] <= 0) return INT_MAX;
    long long cpus = quota[0] / period[0] + (quota[0] % period[0] != 0);
    return cpus < INT_MAX ? (int)cpus : INT_MAX;
}

static void take_least(const char *directory, void *least) {
    int quota = quota_of_directory(directory), *so_far = least;
    if (quota < *so_far) *so_far = quota;
}

int cpu_quota(const char *root) {
    int least = INT_MAX;
    cgroup_visit(root, "cpu", take_least, &least);
    return least;
}
