// Members of archives as streams, by libarchive. Archives nest: the source may itself be a member. Each function takes over
// *source, which is closed together with *out, or immediately on failure or if there is no *out. `name` is for error messages
// and must outlive *out.
#pragma once

#include "prepare/archive/byte_source.h"

// Opens the first file in a tar, ar or zip archive, compressed or not, whose path or last path component matches `pattern`
// (fnmatch; * also matches /).
sigmoe_status archive_find(
    byte_source *source, const char *pattern, const char *name, arena *a, byte_source *out);
// Opens the first file in such an archive with exactly this path.
sigmoe_status archive_open(
    byte_source *source, const char *path, const char *name, arena *a, byte_source *out);

// `link`: the entry is only another name for a file in the archive and has no contents of its own.
typedef sigmoe_status archive_visitor(void *context, const char *path, bool link);
// Calls `visitor` for each file of such an archive, in order. Reads the archive to its end, so that truncation is detected.
sigmoe_status archive_list(
    byte_source *source, const char *name, arena *a, archive_visitor *visit, void *context);

// The contents of a zip archive with at most one file, of a compressed file (gz, xz, bz2, zst), or of a plain file unchanged.
sigmoe_status archive_contents(byte_source *source, const char *name, arena *a, byte_source *out);

// Iterates over the files of a zip archive, in order.
typedef struct archive_walk archive_walk;
sigmoe_status archive_walk_open(byte_source *source, const char *name, arena *a, archive_walk **out);
// Sets *path and the contents, both valid until the next call. *path NULL: there are no more files, and the archive is intact.
sigmoe_status archive_walk_next(archive_walk *w, const char **path, byte_source *out);
void archive_walk_close(archive_walk *w);
// Whether this is a file that macOS adds to archives: attributes, named after the files they belong to.
bool archive_path_is_litter(const char *path);
