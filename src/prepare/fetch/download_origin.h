// Which file a partial download belongs to: kept beside it, so that a later try resumes it only if the file is the same.
#pragma once

#include "base/status.h"

#include <stdint.h>

enum { VALIDATOR_CAPACITY = 256 };

typedef struct download_origin {
    // An ETag in its quotes, or a Last-Modified date: changes when the file at the URL changes. "": the server sends neither.
    char validator[VALIDATOR_CAPACITY];
    int64_t total; // bytes of the whole file; -1: unknown
} download_origin;

// The validator and total from a response's headers; NULL: header absent. A validator unfit for If-Range is left out.
download_origin origin_of(const char *etag, const char *modified, int64_t total);
// Whether a response with these headers can be about the same file.
bool origin_allows(const download_origin *o, const char *etag, const char *modified, int64_t total);

// Reads a Content-Range, "bytes 10-80/81", or NULL: where it begins, and the size of the whole file, -1 if the server does not know it.
// False if it is none.
bool range_read(const char *range, int64_t *first, int64_t *total);

// Reads "<partial>.origin". If it is missing or damaged, the origin is unknown.
download_origin origin_read(const char *partial);
sigmoe_status origin_write(const download_origin *o, const char *partial);
void origin_remove(const char *partial);
