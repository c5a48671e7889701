// A file that processes lock by flock(2): the lock ends when the last process that holds the descriptor ends, for whatever
// reason.
#pragma once

#include "base/status.h"

#include <stdint.h>

// Opens the file and creates it if necessary. Close the descriptor to release the lock.
sigmoe_status file_lock_open(const char *path, int *descriptor);
// Tries to take the lock; false if another process holds it. On a file system without locks every process succeeds.
bool file_lock_try(int descriptor);
// *stands: whether `path` is still the file that was opened, because the lock's previous holder may have removed that one.
sigmoe_status file_lock_check(int descriptor, const char *path, bool *stands);
// Of a file that was opened in the same way, each part (0 ...) has a lock of its own, for work that processes share. SIGMOE_IO
// where the file system has no locks: *taken would be a guess.
sigmoe_status file_lock_try_part(int descriptor, int64_t part, const char *path, bool *taken);
void file_lock_release_part(int descriptor, int64_t part);
// Whether a process holds the lock of the file, which need not exist. Changes nothing.
bool file_lock_held(const char *path);
