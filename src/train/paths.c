#include "train/paths.h"

#include <stdlib.h>
#include <string.h>

sigmoe_status path_trimmed(char path[PATH_CAPACITY], const char *name) {
    TRY(path_format(path, "%s", name));
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') path[--length] = '\0';
    return length ? SIGMOE_OK : fail(SIGMOE_BAD_ARGUMENT, "an empty path names no directory");
}

bool path_contains(const char *outer, const char *inner) {
    char *a = realpath(outer, NULL), *b = realpath(inner, NULL);
    size_t length = a ? strlen(a) : 0;
    bool contains = a && b && strncmp(a, b, length) == 0 &&
                    (b[length] == '\0' || b[length] == '/' || a[length - 1] == '/');
    free(a);
    free(b);
    return contains;
}
