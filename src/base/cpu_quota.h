// The CPU time that cgroups allow the process.
#pragma once

// The quota in processors, rounded up: the least quota of the process's cgroups and their ancestors, versions 2 and 1; INT_MAX
// if there is none. `root` is prepended to /proc and /sys: "" except in tests.
int cpu_quota(const char *root);
