#include "prepare/archive/zip_end.h"

#include <inttypes.h>
#include <string.h>

static const unsigned char signature[] = {'P', 'K', 5, 6};
// Where the record stores the number of entries, and the value it has there if zip64's record stores the number instead.
enum { ENTRIES_AT = 10, ENTRIES_ELSEWHERE = 0xffff };

void zip_end_feed(zip_end *z, const void *bytes, size_t count) {
    if (count >= ZIP_END_MOST) {
        memcpy(z->bytes, (const unsigned char *)bytes + (count - ZIP_END_MOST), ZIP_END_MOST);
        z->size = ZIP_END_MOST;
        return;
    }
    size_t kept = z->size < ZIP_END_MOST - count ? z->size : ZIP_END_MOST - count;
    memmove(z->bytes, z->bytes + (z->size - kept), kept);
    memcpy(z->bytes + kept, bytes, count);
    z->size = kept + count;
}

sigmoe_status zip_end_check(const zip_end *z, int64_t entries, const char *name) {
    int64_t listed = -1;
    for (size_t at = z->size; at-- > 0;) {
        const unsigned char *record = z->bytes + at;
        if (z->size - at < ZIP_END_RECORD || memcmp(record, signature, sizeof signature) != 0) continue;
        listed = record[ENTRIES_AT] | record[ENTRIES_AT + 1] << 8;
        if (listed == entries || listed == ENTRIES_ELSEWHERE) return SIGMOE_OK;
    }
    if (listed < 0)
        return fail(SIGMOE_BAD_FORMAT, "cannot unpack %s: it is cut off, its end has no directory", name);
    return fail(SIGMOE_BAD_FORMAT,
        "cannot unpack %s: it is damaged, its directory lists %" PRId64 " files, and %" PRId64 " are there",
        name, listed, entries);
}
