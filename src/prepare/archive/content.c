#include "prepare/archive/content.h"

#include "prepare/archive/archive.h"
#include "prepare/archive/content_kind.h"

#include <string.h>

enum { MOST_LAYERS = 2 };

static sigmoe_status open_layer(
    byte_source *source, const char *name, int options, int layer, arena *a, byte_source *out);

// ---------------------------------------------------------------- a look at the first bytes

// A source whose first bytes have already been read.
typedef struct peeked {
    byte_source source;
    size_t size, given;
    unsigned char head[CONTENT_HEAD];
} peeked;

static sigmoe_status read_peeked(void *context, void *buffer, size_t capacity, size_t *count) {
    peeked *p = context;
    if (p->given == p->size) return p->source.read(p->source.context, buffer, capacity, count);
    *count = capacity < p->size - p->given ? capacity : p->size - p->given;
    memcpy(buffer, p->head + p->given, *count);
    p->given += *count;
    return SIGMOE_OK;
}

static void close_peeked(void *context) {
    byte_source_close(&((peeked *)context)->source);
}

static sigmoe_status peek(byte_source *source, arena *a, peeked **out) {
    peeked *p = NULL;
    sigmoe_status status = ARENA_NEW(a, p, 1);
    for (size_t count = 1; status == SIGMOE_OK && count > 0 && p->size < CONTENT_HEAD; p->size += count)
        status = source->read(source->context, p->head + p->size, CONTENT_HEAD - p->size, &count);
    if (status != SIGMOE_OK) {
        byte_source_close(source);
        return status;
    }
    p->source = *source;
    *source = (byte_source){0};
    *out = p;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- all files of a zip archive

typedef struct members {
    archive_walk *walk;
    const char *name;
    int options, layer;
    arena *memory; // of the file that is open
    byte_source current;
    bool ended;
} members;

static sigmoe_status refuse(const char *name, content_kind kind, int options) {
    return fail(SIGMOE_BAD_FORMAT, "%s is %s: %s%s", name, kind.what, kind.instead,
        options & CONTENT_OFFERS_RAW ? ", or add `raw` to take its bytes as they are" : "");
}

// Refuses document formats that are zip archives; the file that must come first in them identifies the format.
static sigmoe_status refuse_document(const members *m, const char *path) {
    static const content_kind office = {CONTENT_OTHER, "an Office document", "save it as plain text first"};
    static const content_kind open = {
        CONTENT_OTHER, "an OpenDocument text or an e-book", "save it as plain text first"};
    if (strcmp(path, "[Content_Types].xml") == 0) return refuse(m->name, office, m->options);
    return strcmp(path, "mimetype") == 0 ? refuse(m->name, open, m->options) : SIGMOE_OK;
}

static void close_member(members *m) {
    byte_source_close(&m->current);
    arena_destroy(m->memory);
    m->memory = NULL;
}

static sigmoe_status open_member(members *m) {
    const char *path;
    byte_source file;
    do {
        TRY(archive_walk_next(m->walk, &path, &file));
        m->ended = !path;
        if (m->ended) return SIGMOE_OK;
    } while (archive_path_is_litter(path));
    TRY(refuse_document(m, path));
    TRY(arena_create("file of an archive", &m->memory));
    const char *name = arena_text(m->memory, "%s: %s", m->name, path);
    if (!name) return SIGMOE_NO_MEMORY;
    return open_layer(&file, name, m->options, m->layer + 1, m->memory, &m->current);
}

static sigmoe_status read_members(void *context, void *buffer, size_t capacity, size_t *count) {
    members *m = context;
    *count = 0;
    while (!m->ended) {
        if (m->current.context) TRY(m->current.read(m->current.context, buffer, capacity, count));
        if (*count > 0) return SIGMOE_OK;
        close_member(m);
        TRY(open_member(m));
    }
    return SIGMOE_OK;
}

static void close_members(void *context) {
    members *m = context;
    close_member(m);
    archive_walk_close(m->walk);
}

static sigmoe_status open_members(
    byte_source *source, const char *name, int options, int layer, arena *a, byte_source *out) {
    members *m;
    sigmoe_status status = ARENA_NEW(a, m, 1);
    if (status != SIGMOE_OK) {
        byte_source_close(source);
        return status;
    }
    TRY(archive_walk_open(source, name, a, &m->walk));
    m->name = name;
    m->options = options;
    m->layer = layer;
    // Opens the first member at once, so that contents other than text are reported on opening.
    status = open_member(m);
    if (status == SIGMOE_OK)
        *out = (byte_source){read_members, close_members, m};
    else
        close_members(m);
    return status;
}

// ---------------------------------------------------------------- nested compression

static sigmoe_status unpack(
    byte_source *packed, const char *name, int options, int layer, arena *a, byte_source *out) {
    byte_source inner;
    TRY(archive_contents(packed, name, a, &inner));
    return open_layer(&inner, name, options, layer + 1, a, out);
}

// Not of each byte: a text may have a few that went wrong.
static sigmoe_status check_known(const peeked *p, const char *name) {
    size_t controls = content_controls(p->head, p->size);
    if (controls * 100 <= p->size) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT,
        "%s is no text: of its first %zu byte%s %zu are control characters; give the file of the corpus",
        name, p->size, plural((int64_t)p->size), controls);
}

static sigmoe_status open_text(peeked *p, const char *name, int options, byte_source *out) {
    sigmoe_status status = options & CONTENT_KNOWN ? check_known(p, name) : SIGMOE_OK;
    *out = (byte_source){read_peeked, close_peeked, p};
    if (status != SIGMOE_OK) byte_source_close(out);
    return status;
}

static sigmoe_status open_layer(
    byte_source *source, const char *name, int options, int layer, arena *a, byte_source *out) {
    peeked *p;
    TRY(peek(source, a, &p));
    byte_source whole = {read_peeked, close_peeked, p};
    content_kind kind = content_kind_of(p->head, p->size);
    if (kind.form == CONTENT_TEXT) return open_text(p, name, options, out);
    if (kind.form != CONTENT_OTHER && layer < MOST_LAYERS) {
        bool all = kind.form == CONTENT_ZIP && options & CONTENT_MANY;
        return (all ? open_members : unpack)(&whole, name, options, layer, a, out);
    }
    byte_source_close(&whole);
    if (kind.form == CONTENT_OTHER) return refuse(name, kind, options);
    return fail(
        SIGMOE_BAD_FORMAT, "%s is packed more than %d times over: unpack it first", name, MOST_LAYERS);
}

sigmoe_status content_open(byte_source *source, const char *name, int options, arena *a, byte_source *out) {
    return open_layer(source, name, options, 0, a, out);
}
