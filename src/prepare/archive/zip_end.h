// The end of a zip file, which a reader that goes through it once does not need: its directory must be whole and of as many
// files as were read. So a file that was cut off behind its last member, or that lost a member, is told.
#pragma once

#include "base/status.h"

// The end record and the longest comment behind it.
enum { ZIP_END_RECORD = 22, ZIP_END_MOST = ZIP_END_RECORD + 65535 };

typedef struct zip_end {
    size_t size;
    unsigned char bytes[ZIP_END_MOST]; // the last ones that were fed
} zip_end;

void zip_end_feed(zip_end *z, const void *bytes, size_t count);
// After the file's last byte; `entries`: headers that were read, those of directories, too.
sigmoe_status zip_end_check(const zip_end *z, int64_t entries, const char *name);
