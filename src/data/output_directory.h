// A directory of results: written aside as "<out>.partial", by one process at a time, and renamed when it is whole.
#pragma once

#include "formats/file.h"

typedef struct output_directory {
    char final[PATH_CAPACITY];
    char partial[PATH_CAPACITY]; // exists while the work goes on
    char lock[PATH_CAPACITY];    // in it: marks it as one of ours
    int descriptor;              // of the lock
    size_t existed;              // bytes of `partial`: the part of the path that was there before
} output_directory;

// Whether `input` lies in "<out>" or in "<out>.partial", both of which may be removed; then `place` is that directory. What is
// read must not lie there: to be asked before output_begin.
bool output_holds(const char *out, const char *input, char place[PATH_CAPACITY]);
// Makes "<out>.partial", or takes over what a run that was killed left of it. Refuses whatever else has that name, and what
// another process is at work on.
sigmoe_status output_begin(output_directory *d, const char *out);
// Ends what output_begin began, whatever became of the work. `status` SIGMOE_OK: renames it; `force` removes what has the name.
// Else, and where that fails, removes it, and the directories around it that output_begin made, unless something else has
// come into them; returns the status, its sentence kept.
sigmoe_status output_end(output_directory *d, sigmoe_status status, bool force);
