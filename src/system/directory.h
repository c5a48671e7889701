// Directories: walked to, made, listed and removed through descriptors, so that no name is looked up twice.
//
// The program's own directories carry a file MARK_NAME, written before anything else (formats/output_kind.h). It also says
// where the user's own names end: links are followed as far as the marked directory and in none of what lies in it. So a run
// that came from somebody else cannot lead what is written, or removed, to another place.
#pragma once

#include "base/arena.h"
#include "system/path.h"

#define MARK_NAME ".sigmoe"

// openat(2), close-on-exec, mode 0666; as many files as the system allows may be open.
int descriptor_open(int directory, const char *name, int flags);

// The directory (O_PATH). `doing` completes "cannot ...", as in "write".
sigmoe_status directory_hold(const char *path, const char *doing, int *descriptor);
// The one that `path` is in; *leaf is the rest of it.
sigmoe_status directory_hold_parent(const char *path, const char *doing, int *descriptor, const char **leaf);

// With parents, each new one synced in its own; existing is fine.
sigmoe_status directory_make(const char *path);
// How much of `path` is there: the bytes of its longest part that exists.
size_t directory_existing(const char *path);
// Removes the empty directories of `path` beyond its first `existed` bytes: what directory_make made.
void directory_unmake(const char *path, size_t existed);
sigmoe_status directory_remove(const char *path); // with its contents
sigmoe_status directory_rename(const char *from, const char *to);
// fsync of every file in `partial`, then renames the directory to `final`.
sigmoe_status directory_commit(const char *partial, const char *final);
// Lists names (not . and ..) sorted bytewise, in the arena.
sigmoe_status directory_list(const char *path, arena *a, char ***names, int *count);
sigmoe_status path_sync(const char *path); // fsync; of a directory: of the names in it

// ---------------------------------------------------------------- of one that is held; `path` is its name in sentences

// Calls `use` for each entry, sorted bytewise, until one fails.
typedef sigmoe_status directory_use(void *context, int directory, const char *path, const char *name);
sigmoe_status directory_each(int directory, const char *path, directory_use *use, void *context);
sigmoe_status directory_remove_in(
    int directory, const char *path, const char *name);           // a file, or a directory with its contents
sigmoe_status directory_sync_in(int directory, const char *path); // all that is in it, and its names
sigmoe_status directory_sync_names(int directory, const char *path); // its names alone
