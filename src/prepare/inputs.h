// The inputs of a corpus. A corpus is read several times, so pipes, which can be read only once, are copied first.
#pragma once

#include "prepare/find_files.h"

typedef struct corpus_input {
    const char *name; // for messages and meta.json; of a URL without secrets
    const char *path; // of a file that can be read again; a URL stays one, whole
    int given;        // which of the names given it comes from
    bool looked;      // found in a directory: it may be left out if it is no text
    bool copied;      // `path` is that of a copy
} corpus_input;

// Of files, URLs, "-" for standard input, and pipes such as a shell's <(...). Copies go into `directory` and are removed by
// inputs_remove_copies.
sigmoe_status inputs_collect(const found_files *found, const char *directory, const sigmoe_observer *observer,
    arena *a, corpus_input **out);
// Finds two inputs that are the same file, whatever their names, or the same URL; NULL if there are none.
sigmoe_status inputs_find_same(
    const corpus_input *inputs, int count, arena *a, const char **one, const char **other);
void inputs_remove_copies(const corpus_input *inputs, int count);
