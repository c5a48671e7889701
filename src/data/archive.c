#include "data/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

enum { BLOCK = 1 << 16 };

typedef struct member {
    struct archive *archive;
    byte_source source;
    const char *name;
    bool only_one; // what follows the member must not be another file
    unsigned char block[BLOCK];
} member;

static la_ssize_t read_source(struct archive *archive, void *context, const void **block) {
    member *m = context;
    size_t count = 0;
    *block = m->block;
    if (m->source.read(m->source.context, m->block, sizeof m->block, &count) == SIGMOE_OK)
        return (la_ssize_t)count;
    archive_set_error(archive, EIO, "%s", sigmoe_message());
    return ARCHIVE_FATAL;
}

static sigmoe_status fail_archive(const member *m) {
    const char *reason = archive_error_string(m->archive);
    return fail(
        SIGMOE_BAD_FORMAT, "cannot unpack %s: %s", m->name, reason ? reason : "the archive is damaged");
}

static void close_member(void *context) {
    member *m = context;
    archive_read_free(m->archive);
    byte_source_close(&m->source);
}

// The next regular file; *found false at the archive's end.
static sigmoe_status next_file(member *m, struct archive_entry **entry, bool *found) {
    for (;;) {
        int result = archive_read_next_header(m->archive, entry);
        *found = result == ARCHIVE_OK || result == ARCHIVE_WARN;
        if (result == ARCHIVE_EOF) return SIGMOE_OK;
        if (!*found) return fail_archive(m);
        // A bare compressed file has no type.
        mode_t type = archive_entry_filetype(*entry);
        if (type == AE_IFREG || type == 0) return SIGMOE_OK;
    }
}

static sigmoe_status read_member(void *context, void *buffer, size_t capacity, size_t *count) {
    member *m = context;
    la_ssize_t got = archive_read_data(m->archive, buffer, capacity);
    if (got < 0) return fail_archive(m);
    *count = (size_t)got;
    if (got > 0 || !m->only_one) return SIGMOE_OK;
    struct archive_entry *entry;
    bool more;
    TRY(next_file(m, &entry, &more));
    return more ? fail(SIGMOE_BAD_FORMAT, "%s holds more than one file; unpack the one you mean", m->name)
                : SIGMOE_OK;
}

// Only what the library decodes itself: libarchive would start programs for some rarer filters.
static void support_filters(struct archive *archive) {
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_zstd(archive);
}

static sigmoe_status open_member(byte_source *source, const char *name, arena *a, member **out) {
    member *m;
    sigmoe_status status = ARENA_NEW(a, m, 1);
    struct archive *archive = status == SIGMOE_OK ? archive_read_new() : NULL;
    if (!archive) {
        byte_source_close(source);
        return fail(SIGMOE_NO_MEMORY, "no memory to unpack %s", name);
    }
    m->archive = archive;
    m->source = *source;
    m->name = name;
    *source = (byte_source){0};
    support_filters(archive);
    *out = m;
    return SIGMOE_OK;
}

static bool matches(const char *pattern, const char *path) {
    const char *slash = strrchr(path, '/');
    return fnmatch(pattern, path, 0) == 0 || (slash && fnmatch(pattern, slash + 1, 0) == 0);
}

static sigmoe_status find_member(member *m, const char *pattern) {
    struct archive_entry *entry;
    if (archive_read_open(m->archive, m, NULL, read_source, NULL) != ARCHIVE_OK) return fail_archive(m);
    for (;;) {
        bool found;
        TRY(next_file(m, &entry, &found));
        if (!found) return fail(SIGMOE_BAD_FORMAT, "%s holds no %s", m->name, pattern ? pattern : "file");
        const char *path = archive_entry_pathname(entry);
        if (!pattern || (path && matches(pattern, path))) return SIGMOE_OK;
    }
}

static sigmoe_status start(member *m, const char *pattern, byte_source *out) {
    sigmoe_status status = find_member(m, pattern);
    if (status == SIGMOE_OK)
        *out = (byte_source){read_member, close_member, m};
    else
        close_member(m);
    return status;
}

sigmoe_status archive_find(
    byte_source *source, const char *pattern, const char *name, arena *a, byte_source *out) {
    member *m = NULL;
    TRY(open_member(source, name, a, &m));
    archive_read_support_format_tar(m->archive);
    archive_read_support_format_ar(m->archive);
    archive_read_support_format_zip(m->archive);
    return start(m, pattern, out);
}

sigmoe_status archive_contents(byte_source *source, const char *name, arena *a, byte_source *out) {
    member *m = NULL;
    TRY(open_member(source, name, a, &m));
    m->only_one = true;
    archive_read_support_format_zip(m->archive);
    archive_read_support_format_raw(m->archive);
    archive_read_support_format_empty(m->archive);
    return start(m, NULL, out);
}
