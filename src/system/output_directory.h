// A directory of results: written in a temporary location, by one process at a time, and moved to its final one when complete.
// If nothing has the output's name, the temporary location is "<out>.partial", which is renamed. A directory that exists
// (empty, a mount point, or one to replace) stays and contains the temporary location, "<out>/.sigmoe-partial".
#pragma once

#include "system/place.h"

typedef struct output_directory {
    char final[PATH_CAPACITY];
    char partial[PATH_CAPACITY]; // exists while the work is in progress
    output_kind kind;
    bool inside;                   // whether `partial` is in an existing <out>
    taken_place place;             // if so
    char lock[PATH_CAPACITY + 32]; // otherwise, in `partial`: marks it as the program's
    int descriptor;                // of the lock
    size_t existed;                // bytes of the part of `partial` that existed before
} output_directory;

// As output_spares, for both "<out>" and "<out>.partial"; to be asked before output_begin.
sigmoe_status output_directory_spares(
    const char *out, const char *input, const char *what, const char *choice);
// Makes `partial`, or takes over what a run that was killed left of it. Refuses what output_check refuses, whatever else has the
// name of `partial`, and what another process is at work on.
sigmoe_status output_begin(output_directory *d, const char *out, output_kind kind, bool force);
// A path for what is kept beside `partial` for the next try: "<out>.<name>", or inside <out> if that exists.
sigmoe_status output_beside(const output_directory *d, const char *name, char path[PATH_CAPACITY]);
// Ends what output_begin began, whatever the outcome. If `status` is SIGMOE_OK, moves the results into place and only then
// removes what was there. If that fails, the old contents stay, and the message says where the results are. Otherwise removes
// the results, and the directories around them that output_begin made unless something else has been put into them; returns
// `status`, keeping its message.
sigmoe_status output_end(output_directory *d, sigmoe_status status);
