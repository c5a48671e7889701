// The cgroups of the process, versions 2 and 1, whose limits hold for it.
#pragma once

// Calls `visit` with the directory of each cgroup of the process that has the controller ("cpu", "memory"), and with those of its
// ancestors. In a container, the path may be the host's, of which the container sees only the end, as its own root: a
// directory may not exist. `root` is prepended to /proc and /sys: "" except in tests.
typedef void cgroup_visitor(const char *directory, void *context);
void cgroup_visit(const char *root, const char *controller, cgroup_visitor *visit, void *context);
// Reads up to two numbers at the start of a file of a cgroup and returns how many; 0 if it says "max" or is missing.
int cgroup_numbers(const char *directory, const char *name, long long numbers[2]);
