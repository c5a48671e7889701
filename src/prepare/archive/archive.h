// Members of archives as streams, by libarchive. Archives nest: the source may itself be a member. Each function takes
// over *source: it is closed with *out, or at once on failure or where there is no *out. `name`, which must outlive *out, is
// for error messages.
#pragma once

#include "prepare/archive/byte_source.h"

// Of a tar, ar or zip archive, plain or compressed, the first file whose path, or its last part, matches `pattern` (fnmatch,
// * matches / too).
sigmoe_status archive_find(
    byte_source *source, const char *pattern, const char *name, arena *a, byte_source *out);
// Of such an archive, the first file with exactly this path.
sigmoe_status archive_open(
    byte_source *source, const char *path, const char *name, arena *a, byte_source *out);

// `link`: another name for a file elsewhere in the archive, without contents of its own.
typedef sigmoe_status archive_visitor(void *context, const char *path, bool link);
// Shows each file of such an archive, in its order; the archive is read to its end, so one that is cut off is noticed.
sigmoe_status archive_list(
    byte_source *source, const char *name, arena *a, archive_visitor *visit, void *context);

// The contents of a zip archive of one file or none, of a compressed file (gz, xz, bz2, zst), or of a plain file as it is.
sigmoe_status archive_contents(byte_source *source, const char *name, arena *a, byte_source *out);

// Goes through the files of a zip archive, in its order.
typedef struct archive_walk archive_walk;
sigmoe_status archive_walk_open(byte_source *source, const char *name, arena *a, archive_walk **out);
// *path, which stands until the next call, and the contents, which end with it; NULL: there are no more, and the archive is whole.
sigmoe_status archive_walk_next(archive_walk *w, const char **path, byte_source *out);
void archive_walk_close(archive_walk *w);
// What macOS adds to archives: attributes, under the names of the files that they belong to.
bool archive_path_is_litter(const char *path);
