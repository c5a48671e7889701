#include "base/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 4096 };

int cgroup_numbers(const char *directory, const char *name, long long numbers[2]) {
    char path[LONGEST + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    int count = fscanf(file, "%lld %lld", &numbers[0], &numbers[1]);
    fclose(file);
    return count;
}

static void visit_upwards(const char *mount, const char *path, cgroup_visitor *visit, void *context) {
    char directory[LONGEST];
    size_t root = strlen(mount);
    if (snprintf(directory, sizeof directory, "%s%s", mount, path) >= (int)sizeof directory) return;
    for (char *end = directory + strlen(directory);; end = strrchr(directory, '/')) {
        *end = '\0';
        visit(directory, context);
        if (strlen(directory) <= root) return;
    }
}

static bool lists(const char *controllers, const char *controller) {
    size_t length = strlen(controller);
    for (const char *c = controllers; *c; c += strcspn(c, ","), c += *c == ',')
        if (strcspn(c, ",") == length && memcmp(c, controller, length) == 0) return true;
    return false;
}

// Parses a line of /proc/self/cgroup: "0::/path" in version 2, "4:cpu,cpuacct:/path" in version 1.
static void visit_line(
    const char *root, char *line, const char *controller, cgroup_visitor *visit, void *context) {
    char mount[LONGEST];
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) return;
    *path++ = '\0';
    controllers++;
    if (*controllers && !lists(controllers, controller)) return;
    snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s%s", root, *controllers ? "/" : "",
        *controllers ? controller : "");
    visit_upwards(mount, path, visit, context);
}

void cgroup_visit(const char *root, const char *controller, cgroup_visitor *visit, void *context) {
    char line[LONGEST];
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *file = fopen(line, "re");
    if (!file) return;
    while (fgets(line, sizeof line, file)) visit_line(root, line, controller, visit, context);
    fclose(file);
}
