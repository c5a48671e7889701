// Whether a file is still the same, without reading it: the identity, size and times that the file system keeps.
#pragma once

#include "base/status.h"

#include <stdint.h>

typedef struct file_state {
    uint64_t device, inode;
    int64_t size;              // bytes
    int64_t modified, changed; // its contents, and anything about it: nanoseconds since 1970
} file_state;

// Of an open file; `path` is for the message.
sigmoe_status file_state_of(int descriptor, const char *path, file_state *out);
bool file_state_equal(const file_state *a, const file_state *b);
// Whether a change from now on would show in the times: a file system may give two changes in quick succession the same ones.
bool file_state_is_settled(const file_state *s);
