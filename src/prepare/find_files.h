// The files that a user means: by their names, by patterns such as "books/*.txt", or all files of a directory.
#pragma once

#include "base/arena.h"

typedef struct found_file {
    const char *path;
    int given;   // which of the names given it comes from
    bool looked; // found by looking into a directory, not named: it may be left out if it is no text
} found_file;

// Why something in a directory is not taken.
typedef enum skip_reason {
    SKIPPED_HIDDEN, // its name begins with a dot
    SKIPPED_EMPTY,
    SKIPPED_LINK,    // to a directory, which might lead in a circle, or to nothing
    SKIPPED_SPECIAL, // a pipe, a socket or a device
    SKIPPED_OURS,    // a directory that this program made
    SKIPPED_NO_TEXT, // for whoever reads the files to say
    SKIP_REASONS,
} skip_reason;

typedef struct found_files {
    found_file *files; // in the order of the names given, and below each of these sorted bytewise by path
    int count;
    int64_t skipped[SKIP_REASONS];
} found_files;

// Replaces each directory by the files in it and below it, and each name with *, ? or [ that nothing has by the files that match,
// and by those of the directories that do; ** in a pattern stands for any number of directories. Links to files are taken. A
// pattern without a match and a directory without files are errors. Everything lives in the arena.
sigmoe_status find_files(const char *const *given, int count, arena *a, found_files *out);
// Takes the names as they are: of files, or whatever else.
sigmoe_status take_files(const char *const *given, int count, arena *a, found_files *out);
