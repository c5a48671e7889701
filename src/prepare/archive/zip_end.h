// The end of a zip file, which a sequential reader does not need. Its directory must be intact and list as many files as were
// read: this detects a file that was cut off after its last member, or that lost a member.
#pragma once

#include "base/status.h"

// Size of the end record, and of the end record with the longest comment after it.
enum { ZIP_END_RECORD = 22, ZIP_END_MOST = ZIP_END_RECORD + 65535 };

typedef struct zip_end {
    size_t size;
    unsigned char bytes[ZIP_END_MOST]; // the last ones that were fed
} zip_end;

void zip_end_feed(zip_end *z, const void *bytes, size_t count);
// To be called after the file's last byte. `entries`: headers read, including those of directories.
sigmoe_status zip_end_check(const zip_end *z, int64_t entries, const char *name);
