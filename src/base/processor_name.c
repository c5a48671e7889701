#include "base/processor_name.h"

#include <stdio.h>
#include <string.h>

void processor_name(char name[PROCESSOR_NAME]) {
    char line[256];
    snprintf(name, PROCESSOR_NAME, "unknown");
    FILE *about = fopen("/proc/cpuinfo", "re");
    if (!about) return;
    while (fgets(line, sizeof line, about)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        colon[strcspn(colon, "\n")] = '\0';
        snprintf(name, PROCESSOR_NAME, "%s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    fclose(about);
}
