// The text of a file, unpacked as what it holds says; what is no text is refused by a sentence that says what it is.
#pragma once

#include "prepare/archive/byte_source.h"

enum {
    CONTENT_MANY = 1, // of a zip archive all files, one behind the other in its order; else it must have one
    CONTENT_OFFERS_RAW = 2, // the user can have the bytes as they are: the sentence says how
};

// Unpacks gz, xz, bz2, zst and zip, and what is packed in them once more. Takes over *source: it is closed with *out, or at once
// on failure. `name`, which must outlive *out, is for error messages.
sigmoe_status content_open(byte_source *source, const char *name, int options, arena *a, byte_source *out);
