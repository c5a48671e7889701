// A file that several processes write at once, each its own bytes: one makes it in its full size, the others join. It has its final
// name at once, so it lies in a directory that is itself renamed when all is done (directory_commit).
#pragma once

#include "system/directory.h"

// Makes a new file of `size` bytes, which read as 0. Close with shared_file_close, or after a failure with close().
sigmoe_status shared_file_make(const char *path, int64_t size, int *descriptor);
// Opens one that another process has made. Refuses links, whatever is no file, and a file of another size or with other names.
sigmoe_status shared_file_join(const char *path, int64_t size, int *descriptor);
sigmoe_status shared_file_write(
    int descriptor, const char *path, int64_t offset, const void *bytes, size_t size);
// When what this process wrote is on the disk.
sigmoe_status shared_file_sync(int descriptor, const char *path);
sigmoe_status shared_file_close(
    int descriptor, const char *path); // some file systems tell of a failure only now
