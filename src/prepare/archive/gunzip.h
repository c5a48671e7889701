// What a gzip file holds, with every checksum and length verified: libarchive's own filter skips both, and takes a damaged
// file's rest for its end.
#pragma once

#include "prepare/archive/byte_source.h"

// A stream that does not begin as gzip passes as it is. Takes over *source: it is closed with *out, or at once on failure.
// `name`, which must outlive *out, is for error messages.
sigmoe_status gunzip_open(byte_source *source, const char *name, arena *a, byte_source *out);
