#include "analyze/analysis.h"

#include "system/file.h"

sigmoe_status analysis_write(
    const analysis *a, const char *name, analysis_print *print, const void *context) {
    char path[PATH_CAPACITY];
    file_writer w;
    TRY(path_format(path, "%s/%s", a->directory, name));
    TRY(file_writer_open(&w, path));
    sigmoe_status status = print(w.stream, context);
    if (status == SIGMOE_OK && ferror(w.stream)) status = fail(SIGMOE_IO, "cannot write %s", path);
    if (status == SIGMOE_OK) return file_writer_commit(&w);
    file_writer_abandon(&w);
    return status;
}
