// Files, safely: written aside, fsynced and renamed, so that a reader sees the old contents or the new, never a half.
#pragma once

#include "base/arena.h"

#include <stdio.h>

enum { PATH_CAPACITY = 4096 };

// printf into a buffer for a path: where paths are joined. Slashes that follow each other become one; a path that does not fit is an
// error, never cut short.
sigmoe_status path_format(char path[PATH_CAPACITY], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

typedef struct file_writer {
    FILE *stream;
    char final_path[PATH_CAPACITY];
    char partial_path[PATH_CAPACITY + 64]; // beside it and its own, "<final>.<process>-<number>.partial"
} file_writer;

// Whether nothing or a regular file stands at `path`: what a file_writer may replace. Others are refused by opening and by
// committing; asked before a long computation, too.
sigmoe_status file_replaceable(const char *path);
sigmoe_status file_writer_open(file_writer *w, const char *path);
sigmoe_status file_writer_write(file_writer *w, const void *bytes, size_t count);
// Flush, fsync, rename, fsync of the directory. On failure the partial file is removed.
sigmoe_status file_writer_commit(file_writer *w);
void file_writer_abandon(file_writer *w); // after a failure; harmless after commit

// Opens a regular file for reading; refuses directories, pipes and devices. Close with close().
sigmoe_status file_open(const char *path, int *descriptor, int64_t *size);

// A whole regular file, mapped read-only; bytes is NULL for an empty file.
typedef struct file_map {
    const unsigned char *bytes;
    size_t size;
} file_map;
sigmoe_status file_map_open(const char *path, file_map *map);
void file_map_close(file_map *map);

// With parents, each new one synced in its own; existing is fine.
sigmoe_status directory_make(const char *path);
sigmoe_status path_sync(const char *path); // fsync; of a directory: of the names in it
bool path_exists(const char *path);
// `name` without slashes, or slashes and dots, at its end, so that "<path>.partial" stands beside it. "/" and "." stay.
sigmoe_status path_trimmed(char path[PATH_CAPACITY], const char *name);
// The directory that holds it, or would.
sigmoe_status path_parent(const char *path, char parent[PATH_CAPACITY]);
const char *path_leaf(const char *path); // what follows the last slash
// Whether `inner` is `outer` or lies in it, links resolved; false where either does not exist.
bool path_inside(const char *inner, const char *outer);
// The same of what a user called a source: only a file counts, not the name (or NULL) of a preset that a directory has, too.
bool file_inside(const char *name, const char *directory);
sigmoe_status directory_remove(const char *path); // with its contents
// fsync of every file in `partial`, then renames the directory to `final`.
sigmoe_status directory_commit(const char *partial, const char *final);
// Lists names (not . and ..) sorted bytewise, in the arena.
sigmoe_status directory_list(const char *path, arena *a, char ***names, int *count);
// Whether nothing is in it but, where it is there, a file called `but` (may be NULL).
sigmoe_status directory_is_empty(const char *path, const char *but, bool *empty);
// `path` must not exist unless force (then it is removed, whatever it is, save a directory that the process works
// in); says what to do.
sigmoe_status output_claim(const char *path, bool force);
