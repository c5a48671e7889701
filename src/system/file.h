// Safe file access. Files are written under a temporary name, fsynced and renamed, so that a reader sees the old contents or
// the new, never a mixture. They are opened relative to their directory (system/directory.h), must be regular files, and their
// own name must not be a link.
#pragma once

#include "system/directory.h"

#include <stdio.h>

typedef struct file_writer {
    FILE *stream;
    char final_path[PATH_CAPACITY];
    char partial_path[PATH_CAPACITY + 64]; // beside it and its own, "<final>.<process>-<number>.partial"
} file_writer;

// Checks that there is nothing or a regular file at `path`, which a file_writer may replace. Opening and committing check this,
// too; call it also before a long computation.
sigmoe_status file_replaceable(const char *path);
sigmoe_status file_writer_open(file_writer *w, const char *path);
sigmoe_status file_writer_write(file_writer *w, const void *bytes, size_t count);
// Flushes, fsyncs, renames, and fsyncs the directory. Removes the partial file on failure.
sigmoe_status file_writer_commit(file_writer *w);
void file_writer_abandon(file_writer *w); // after a failure, whose sentence stays; harmless after commit
// Commits, or abandons where `status` is another than SIGMOE_OK; returns what became of it.
sigmoe_status file_writer_end(file_writer *w, sigmoe_status status);

// A whole file.
sigmoe_status file_write(const char *path, const void *bytes, size_t count);
// One that is printed, in memory first, so that a write that fails has its reason.
typedef sigmoe_status file_contents(FILE *out, const void *context);
sigmoe_status file_print(const char *path, file_contents *print, const void *context);

// Checks that `path` can be appended to: it is a regular file or does not exist. A file with several names (hard links) is
// refused, since appended data would show under all of them, be it a backup or a file that a stranger chose.
sigmoe_status file_appendable(const char *path);
// Opens the file for appending and creates it if necessary; close with fclose().
sigmoe_status file_append(const char *path, FILE **stream);
sigmoe_status file_rename(const char *from, const char *to); // in one directory
void file_remove(const char *path);                          // if it exists

// Opens a regular file for reading; refuses directories, pipes and devices. Close with close().
sigmoe_status file_open(const char *path, int *descriptor, int64_t *size);

// Reads `size` bytes at `offset` of an open file; `path` is for the sentence. A file that ends before is SIGMOE_BAD_FORMAT: its size
// was known, so another process has cut it.
sigmoe_status file_read_at(int descriptor, const char *path, int64_t offset, size_t size, void *out);

// A whole regular file, read into pages of its own; bytes is NULL for an empty file. It is not mapped: what another process cuts
// while we read it must be an error, and the pages of a mapping that lie behind the new end would kill us.
typedef struct file_map {
    const unsigned char *bytes;
    size_t size;
} file_map;
enum { FILE_MAP_MOST = INT32_MAX }; // bytes
sigmoe_status file_map_open(const char *path, file_map *map);
// The same for a file of at most `most` bytes; a larger one is SIGMOE_BAD_FORMAT, and none of it is read.
sigmoe_status file_map_open_up_to(const char *path, int64_t most, file_map *map);
void file_map_close(file_map *map);
