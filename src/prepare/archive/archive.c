#include "prepare/archive/archive.h"

#include "prepare/archive/gunzip.h"
#include "prepare/archive/zip_end.h"
#include "system/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fnmatch.h>
#include <locale.h>
#include <string.h>

enum { BLOCK = 1 << 16 };

typedef struct archive_walk {
    struct archive *archive;
    byte_source source;
    sigmoe_status source_failed; // its message is already set
    int64_t supplied;            // bytes of the source that libarchive was given
    int64_t entries;             // headers that it found
    zip_end end;
    const char *name;
    locale_t utf8; // libarchive drops names that the thread's locale cannot represent
    bool only_one; // an error if another file follows the member
    bool ended;
    const char *path; // of the file it is at; "" where it has none
    bool link;
    unsigned char block[BLOCK];
} member;

static sigmoe_status read_block(member *m, size_t *count) {
    TRY(m->source.read(m->source.context, m->block, sizeof m->block, count));
    int format = archive_format(m->archive); // 0 until the first header is read
    if (format == 0 || format == ARCHIVE_FORMAT_ZIP) zip_end_feed(&m->end, m->block, *count);
    return SIGMOE_OK;
}

static la_ssize_t read_source(struct archive *archive, void *context, const void **block) {
    member *m = context;
    size_t count = 0;
    *block = m->block;
    m->source_failed = read_block(m, &count);
    m->supplied += (int64_t)count;
    if (m->source_failed == SIGMOE_OK) return (la_ssize_t)count;
    archive_set_error(archive, EIO, "%s", sigmoe_message());
    return ARCHIVE_FATAL;
}

static sigmoe_status fail_archive(const member *m) {
    if (m->source_failed != SIGMOE_OK) return m->source_failed;
    const char *reason = archive_error_string(m->archive);
    return fail(
        SIGMOE_BAD_FORMAT, "cannot unpack %s: %s", m->name, reason ? reason : "the archive is damaged");
}

static void close_member(void *context) {
    member *m = context;
    archive_read_free(m->archive);
    if (m->utf8) freelocale(m->utf8);
    byte_source_close(&m->source);
}

// Also stores the path: libarchive converts it to the thread's locale when asked for it.
static int next_header(member *m, struct archive_entry **entry) {
    locale_t before = uselocale(m->utf8);
    int result = archive_read_next_header(m->archive, entry);
    bool found = result == ARCHIVE_OK || result == ARCHIVE_WARN;
    const char *path = found ? archive_entry_pathname(*entry) : NULL;
    m->entries += found;
    m->path = path ? path : "";
    m->link = found && archive_entry_hardlink(*entry);
    uselocale(before);
    return result;
}

// Goes to the next regular file; *found false at the archive's end.
static sigmoe_status next_file(member *m, bool *found) {
    struct archive_entry *entry;
    for (;;) {
        int result = next_header(m, &entry);
        *found = result == ARCHIVE_OK || result == ARCHIVE_WARN;
        if (result == ARCHIVE_EOF && m->source_failed == SIGMOE_OK) return SIGMOE_OK;
        if (!*found) return fail_archive(m);
        // A plain compressed file has no type.
        mode_t type = archive_entry_filetype(entry);
        if (type == AE_IFREG || type == 0) return SIGMOE_OK;
    }
}

// libarchive treats anything that does not start like the next piece of a compressed file as the end of it.
static sigmoe_status check_rest(member *m) {
    size_t more = 0;
    TRY(read_block(m, &more));
    if (more == 0 && archive_filter_bytes(m->archive, -1) == m->supplied) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT,
        "cannot unpack %s: it is damaged, or cut off (what follows its data is not of its kind)", m->name);
}

// Reads what libarchive left unread, such as a zip file's directory or gzip's checksum.
static sigmoe_status read_rest(member *m) {
    size_t count;
    do {
        TRY(read_block(m, &count));
    } while (count > 0);
    bool zip = archive_format(m->archive) == ARCHIVE_FORMAT_ZIP;
    return zip ? zip_end_check(&m->end, m->entries, m->name) : SIGMOE_OK;
}

static sigmoe_status check_end(member *m) {
    bool more;
    if (archive_format(m->archive) == ARCHIVE_FORMAT_RAW) return check_rest(m);
    TRY(next_file(m, &more));
    return more ? fail(SIGMOE_BAD_FORMAT, "%s holds more than one file; unpack the one you mean", m->name)
                : read_rest(m);
}

static sigmoe_status read_member(void *context, void *buffer, size_t capacity, size_t *count) {
    member *m = context;
    *count = 0;
    if (m->ended) return SIGMOE_OK;
    la_ssize_t got = archive_read_data(m->archive, buffer, capacity);
    if (got < 0 || m->source_failed != SIGMOE_OK) return fail_archive(m);
    *count = (size_t)got;
    if (got > 0) return SIGMOE_OK;
    m->ended = true;
    return m->only_one ? check_end(m) : SIGMOE_OK;
}

// Only filters that the library decodes itself: for some rarer ones libarchive would start programs.
static void support_filters(struct archive *archive) {
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_zstd(archive);
}

static sigmoe_status support_archives(member *m) {
    archive_read_support_format_tar(m->archive);
    archive_read_support_format_ar(m->archive);
    archive_read_support_format_zip(m->archive);
    // Makes libarchive read beyond a tar archive's end mark: otherwise the compression's checksums would not be verified.
    return archive_read_set_format_option(m->archive, "tar", "read_concatenated_archives", "1") == ARCHIVE_OK
               ? SIGMOE_OK
               : fail_archive(m);
}

static sigmoe_status create_member(byte_source *source, const char *name, arena *a, member **out) {
    member *m;
    sigmoe_status status = ARENA_NEW(a, m, 1);
    struct archive *archive = status == SIGMOE_OK ? archive_read_new() : NULL;
    if (!archive) {
        byte_source_close(source);
        return fail(SIGMOE_NO_MEMORY, "no memory to unpack %s", name);
    }
    m->archive = archive;
    m->name = name;
    m->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    support_filters(archive);
    status = gunzip_open(source, name, a, &m->source);
    if (status != SIGMOE_OK) close_member(m);
    *out = m;
    return status;
}

static sigmoe_status begin(member *m) {
    return archive_read_open(m->archive, m, NULL, read_source, NULL) == ARCHIVE_OK ? SIGMOE_OK
                                                                                   : fail_archive(m);
}

typedef bool acceptor(const char *wanted, const char *path);

static bool matches(const char *pattern, const char *path) {
    return fnmatch(pattern, path, 0) == 0 || fnmatch(pattern, path_leaf(path), 0) == 0;
}

static bool equals(const char *wanted, const char *path) {
    return strcmp(wanted, path) == 0;
}

static sigmoe_status find_file(member *m, acceptor *accepts, const char *wanted) {
    TRY(support_archives(m));
    TRY(begin(m));
    for (;;) {
        bool found;
        TRY(next_file(m, &found));
        if (!found) return fail(SIGMOE_BAD_FORMAT, "%s holds no %s", m->name, wanted);
        if (!accepts(wanted, m->path)) continue;
        if (!m->link) return SIGMOE_OK;
        return fail(SIGMOE_BAD_FORMAT, "%s holds %s only as a link to another file; unpack it and name that",
            m->name, m->path);
    }
}

static sigmoe_status open_found(byte_source *source, acceptor *accepts, const char *wanted, const char *name,
    arena *a, byte_source *out) {
    member *m = NULL;
    TRY(create_member(source, name, a, &m));
    sigmoe_status status = find_file(m, accepts, wanted);
    if (status == SIGMOE_OK)
        *out = (byte_source){read_member, close_member, m};
    else
        close_member(m);
    return status;
}

sigmoe_status archive_find(
    byte_source *source, const char *pattern, const char *name, arena *a, byte_source *out) {
    return open_found(source, matches, pattern, name, a, out);
}

sigmoe_status archive_open(
    byte_source *source, const char *path, const char *name, arena *a, byte_source *out) {
    return open_found(source, equals, path, name, a, out);
}

static sigmoe_status visit_files(member *m, archive_visitor *visit, void *context) {
    TRY(support_archives(m));
    TRY(begin(m));
    for (;;) {
        bool found;
        TRY(next_file(m, &found));
        if (!found) return read_rest(m);
        TRY(visit(context, m->path, m->link));
    }
}

sigmoe_status archive_list(
    byte_source *source, const char *name, arena *a, archive_visitor *visit, void *context) {
    member *m = NULL;
    TRY(create_member(source, name, a, &m));
    sigmoe_status status = visit_files(m, visit, context);
    close_member(m);
    return status;
}

static sigmoe_status begin_contents(member *m) {
    bool found;
    archive_read_support_format_zip(m->archive);
    archive_read_support_format_raw(m->archive);
    archive_read_support_format_empty(m->archive);
    TRY(begin(m));
    TRY(next_file(m, &found));
    m->only_one = true;
    m->ended = !found;
    return SIGMOE_OK;
}

sigmoe_status archive_contents(byte_source *source, const char *name, arena *a, byte_source *out) {
    member *m = NULL;
    TRY(create_member(source, name, a, &m));
    sigmoe_status status = begin_contents(m);
    if (status == SIGMOE_OK)
        *out = (byte_source){read_member, close_member, m};
    else
        close_member(m);
    return status;
}

sigmoe_status archive_walk_open(byte_source *source, const char *name, arena *a, archive_walk **out) {
    member *m = NULL;
    TRY(create_member(source, name, a, &m));
    archive_read_support_format_zip(m->archive);
    sigmoe_status status = begin(m);
    if (status != SIGMOE_OK) close_member(m);
    *out = m;
    return status;
}

static void leave_open(void *context) {
    (void)context;
}

sigmoe_status archive_walk_next(archive_walk *w, const char **path, byte_source *out) {
    bool found;
    *path = NULL;
    TRY(next_file(w, &found));
    if (!found) return read_rest(w);
    w->ended = false;
    *path = w->path;
    *out = (byte_source){read_member, leave_open, w};
    return SIGMOE_OK;
}

void archive_walk_close(archive_walk *w) {
    close_member(w);
}

bool archive_path_is_litter(const char *path) {
    return strncmp(path_leaf(path), "._", 2) == 0 || strncmp(path, "__MACOSX/", 9) == 0 ||
           strstr(path, "/__MACOSX/");
}
