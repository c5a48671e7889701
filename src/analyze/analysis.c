#include "analyze/analysis.h"

sigmoe_status analysis_write(const analysis *a, const char *name, file_contents *print, const void *context) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/%s", a->directory, name));
    return file_print(path, print, context);
}
