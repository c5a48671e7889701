#include "system/process_memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

// The size in the line "KEY:   123 kB"; `otherwise` if there is none.
static double read_size(const char *path, const char *key, double otherwise) {
    char line[256];
    size_t length = strlen(key);
    FILE *file = fopen(path, "re");
    if (!file) return otherwise;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, length) != 0 || line[length] != ':') continue;
        otherwise = 1024 * strtod(line + length + 1, NULL);
        break;
    }
    fclose(file);
    return otherwise;
}

static double resident_set(const char *key) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return read_size("/proc/self/status", key, (double)usage.ru_maxrss * 1024);
}

double resident_set_peak(void) {
    return resident_set("VmHWM");
}
double resident_set_now(void) {
    return resident_set("VmRSS");
}
