// What a file that was downloaded in part is a part of: kept beside it, so that a later try goes on with the same file only.
#pragma once

#include "base/status.h"

#include <stdint.h>

enum { VALIDATOR_CAPACITY = 256 };

typedef struct download_origin {
    // An ETag in its quotes, or a Last-Modified: changes when the file at the URL does. "": the server has none.
    char validator[VALIDATOR_CAPACITY];
    int64_t total; // bytes of the whole file; -1: unknown
} download_origin;

// The validator and the total of an answer's headers; NULL: it has none such. What If-Range does not take is left out.
download_origin origin_of(const char *etag, const char *modified, int64_t total);
// Whether an answer that has these headers can be about the same file.
bool origin_allows(const download_origin *o, const char *etag, const char *modified, int64_t total);

// In "<partial>.origin". What is missing or damaged reads as unknown.
download_origin origin_read(const char *partial);
sigmoe_status origin_write(const download_origin *o, const char *partial);
void origin_remove(const char *partial);
