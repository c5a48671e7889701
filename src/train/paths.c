#include "train/paths.h"

#include <string.h>

sigmoe_status path_trimmed(char path[PATH_CAPACITY], const char *name) {
    TRY(path_format(path, "%s", name));
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') path[--length] = '\0';
    return length ? SIGMOE_OK : fail(SIGMOE_BAD_ARGUMENT, "an empty path names no directory");
}
