// Members of archives as streams, by libarchive. Archives nest: the source may itself be a member.
#pragma once

#include "data/byte_source.h"

// Of a tar, ar or zip archive, plain or compressed, the first file whose path, or its last part, matches `pattern` (fnmatch,
// * matches / too).
// Takes over *source: it is closed with *out, or at once on failure. `name` is for error messages.
sigmoe_status archive_find(
    byte_source *source, const char *pattern, const char *name, arena *a, byte_source *out);

// The contents of a zip archive of one file, of a compressed file (gz, xz, bz2, zst), or of a plain file as it is.
sigmoe_status archive_contents(byte_source *source, const char *name, arena *a, byte_source *out);
