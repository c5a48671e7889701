// Directories are walked to, made, listed and removed through descriptors, so that no name is looked up twice.
//
// The program's own directories have a file MARK_NAME, written before anything else (system/output_kind.h). It also marks where
// the user's own names end: links are followed up to and including the marked directory, but not inside it. So a run received
// from somebody else cannot redirect what is written or removed to another location.
#pragma once

#include "base/arena.h"
#include "system/path.h"

#define MARK_NAME ".sigmoe"

// openat(2) with close-on-exec and mode 0666; allows as many open files as the system does.
int descriptor_open(int directory, const char *name, int flags);

// Opens the directory (O_PATH). `doing` completes "cannot ...", for example "write".
sigmoe_status directory_hold(const char *path, const char *doing, int *descriptor);
// Opens the directory that `path` is in; *leaf is the last part of the path.
sigmoe_status directory_hold_parent(const char *path, const char *doing, int *descriptor, const char **leaf);

// Makes a directory and its parents, and syncs the parent of each new one; existing directories are fine.
sigmoe_status directory_make(const char *path);
// The length in bytes of the longest leading part of `path` that exists.
size_t directory_existing(const char *path);
// Removes the empty directories of `path` beyond its first `existed` bytes: those that directory_make made.
void directory_unmake(const char *path, size_t existed);
sigmoe_status directory_remove(const char *path); // with its contents
sigmoe_status directory_rename(const char *from, const char *to);
// Syncs every file in `partial`, then renames the directory to `final`.
sigmoe_status directory_commit(const char *partial, const char *final);
// Lists the names in a directory, without . and .., sorted bytewise, in the arena.
sigmoe_status directory_list(const char *path, arena *a, char ***names, int *count);
sigmoe_status path_sync(const char *path); // fsync; of a directory: of the names in it

// ---------------------------------------------------------------- for a held directory; `path` is its name in messages

// Calls `use` for each entry, sorted bytewise, until a call fails.
typedef sigmoe_status directory_use(void *context, int directory, const char *path, const char *name);
sigmoe_status directory_each(int directory, const char *path, directory_use *use, void *context);
sigmoe_status directory_remove_in(
    int directory, const char *path, const char *name);           // a file, or a directory with its contents
sigmoe_status directory_sync_in(int directory, const char *path); // all that is in it, and its names
sigmoe_status directory_sync_names(int directory, const char *path); // its names alone
