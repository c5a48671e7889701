// A file that processes lock by flock(2): the lock ends with the last process that holds the descriptor, however it ends.
#pragma once

#include "base/status.h"

// Opens the file, or makes it. Close the descriptor to give the lock back.
sigmoe_status file_lock_open(const char *path, int *descriptor);
// Whether it is ours now; false where another process holds it. On file systems without locks it is everybody's.
bool file_lock_try(int descriptor);
// Whether `path` is still the file that was opened: who held the lock may have removed it, to our opening a file of its own.
bool file_lock_stands(int descriptor, const char *path);
