// A directory of results: written aside, by one process at a time, and put in its place when it is whole. Where nothing has its
// name, aside is "<out>.partial", which is renamed; a directory that is there (empty, a mount point, or one to replace) holds
// it until then, "<out>/.sigmoe-partial", and stays itself.
#pragma once

#include "system/place.h"

typedef struct output_directory {
    char final[PATH_CAPACITY];
    char partial[PATH_CAPACITY]; // exists while the work goes on
    output_kind kind;
    bool inside;                   // the latter of the two
    taken_place place;             // then
    char lock[PATH_CAPACITY + 32]; // else in `partial`: marks it as one of ours
    int descriptor;                // of the lock
    size_t existed;                // bytes of `partial`: the part of the path that was there before
} output_directory;

// As output_spares, for both "<out>" and "<out>.partial"; to be asked before output_begin.
sigmoe_status output_directory_spares(
    const char *out, const char *input, const char *what, const char *choice);
// Makes `partial`, or takes over what a run that was killed left of it. Refuses what output_check refuses, whatever else has the
// name of `partial`, and what another process is at work on.
sigmoe_status output_begin(output_directory *d, const char *out, output_kind kind, bool force);
// A name for what is kept beside `partial` for the next try: "<out>.<name>", or in <out> when that is there.
sigmoe_status output_beside(const output_directory *d, const char *name, char path[PATH_CAPACITY]);
// Ends what output_begin began, whatever became of the work. `status` SIGMOE_OK: puts it in its place, and only then removes what
// was there. Where that fails, what was there stays, and the sentence says where the new is. Else removes the new, and the
// directories around it that output_begin made, unless something else has come into them; returns the status, its sentence kept.
sigmoe_status output_end(output_directory *d, sigmoe_status status);
