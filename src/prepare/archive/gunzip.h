// The contents of a gzip file, with every checksum and length verified. libarchive's own filter skips both, and takes the rest
// of a damaged file for its end.
#pragma once

#include "prepare/archive/byte_source.h"

// A stream that does not begin like gzip passes unchanged. Takes over *source, which is closed together with *out, or
// immediately on failure. `name` is for error messages and must outlive *out.
sigmoe_status gunzip_open(byte_source *source, const char *name, arena *a, byte_source *out);
