// The CPU time that cgroups allow a process.
#pragma once

// In processors, rounded up: the least of the quotas of the process's own cgroup and those above it, versions 2 and 1; INT_MAX
// where there is none. `root` stands before /proc and /sys: "" but for tests.
int cpu_quota(const char *root);
