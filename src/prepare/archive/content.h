// The text of a file, unpacked according to its contents. Anything but text is refused with a message that says what it is.
#pragma once

#include "prepare/archive/byte_source.h"

enum {
    CONTENT_MANY = 1, // all files of a zip archive, concatenated in order; otherwise it may have only one
    CONTENT_OFFERS_RAW = 2, // the user can choose to use the raw bytes: the message says how
    CONTENT_KNOWN =
        4, // of a corpus that is known to be text: bytes that look like nothing at all are refused, too
};

// Unpacks gz, xz, bz2, zst and zip, including one level of nesting. Takes over *source, which is closed together with *out, or
// immediately on failure. `name` is for error messages and must outlive *out.
sigmoe_status content_open(byte_source *source, const char *name, int options, arena *a, byte_source *out);
