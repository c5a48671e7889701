#include "base/cpu_quota.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 4096 };

static int lesser(int a, int b) {
    return a < b ? a : b;
}

// Reads up to two numbers at the start of the file and returns how many; 0 if it says "max" or is missing.
static int read_numbers(const char *directory, const char *name, long long numbers[2]) {
    char path[LONGEST + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    int count = fscanf(file, "%lld %lld", &numbers[0], &numbers[1]);
    fclose(file);
    return count;
}

// Quota and period in microseconds: cgroup version 2 has both in one file, version 1 in two.
static int quota_of_directory(const char *directory) {
    long long quota[2], period[2];
    int count = read_numbers(directory, "cpu.max", quota);
    if (count == 2)
        period[0] = quota[1];
    else if (read_numbers(directory, "cpu.cfs_quota_us", quota) < 1 ||
             read_numbers(directory, "cpu.cfs_period_us", period) < 1)
        return INT_MAX;
    if (quota[0] <= 0 || period[0] <= 0) return INT_MAX;
    long long cpus = quota[0] / period[0] + (quota[0] % period[0] != 0);
    return cpus < INT_MAX ? (int)cpus : INT_MAX;
}

// The least quota of the cgroup `path` and its ancestors. In a container, the path may be the host's, of which the container
// sees only the end, as its own root: a directory that does not exist has no quota.
static int least_quota(const char *mount, const char *path) {
    char directory[LONGEST];
    size_t root = strlen(mount);
    int least = INT_MAX;
    if (snprintf(directory, sizeof directory, "%s%s", mount, path) >= (int)sizeof directory) return INT_MAX;
    for (char *end = directory + strlen(directory);; end = strrchr(directory, '/')) {
        *end = '\0';
        least = lesser(least, quota_of_directory(directory));
        if (strlen(directory) <= root) return least;
    }
}

static bool lists_cpu(const char *controllers) {
    for (const char *c = controllers; *c; c += strcspn(c, ","), c += *c == ',')
        if (strcspn(c, ",") == 3 && memcmp(c, "cpu", 3) == 0) return true;
    return false;
}

// Parses a line of /proc/self/cgroup: "0::/path" in version 2, "4:cpu,cpuacct:/path" in version 1.
static int quota_of_line(const char *root, char *line) {
    char mount[LONGEST];
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) return INT_MAX;
    *path++ = '\0';
    controllers++;
    if (*controllers && !lists_cpu(controllers)) return INT_MAX;
    snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s", root, *controllers ? "/cpu" : "");
    return least_quota(mount, path);
}

int cpu_quota(const char *root) {
    char line[LONGEST];
    int least = INT_MAX;
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    if (!file) return INT_MAX;
    while (fgets(line, sizeof line, file)) least = lesser(least, quota_of_line(root, line));
    fclose(file);
    return least;
}
