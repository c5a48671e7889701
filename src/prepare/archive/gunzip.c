#include "prepare/archive/gunzip.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

enum {
    BLOCK = 1 << 16,
    WITH_GZIP_HEADER = 16 + MAX_WBITS, // zlib's way to say it
};
static const unsigned char magic[2] = {0x1f, 0x8b};

typedef enum state { BEGIN, PLAIN, IN_MEMBER, BETWEEN_MEMBERS, END } state;

typedef struct gunzip {
    byte_source source;
    const char *name;
    state state;
    z_stream stream; // its input lies in `block`
    unsigned char block[BLOCK];
} gunzip;

static sigmoe_status fail_damaged(const gunzip *g, const char *reason) {
    return fail(SIGMOE_BAD_FORMAT, "cannot unpack %s: it is damaged, or cut off (%s)", g->name, reason);
}

// Appends to the unread input; *more is false at the source's end.
static sigmoe_status refill(gunzip *g, bool *more) {
    size_t unread = g->stream.avail_in, count = 0;
    if (unread > 0) memmove(g->block, g->stream.next_in, unread);
    TRY(g->source.read(g->source.context, g->block + unread, BLOCK - unread, &count));
    g->stream.next_in = g->block;
    g->stream.avail_in = (uInt)(unread + count);
    *more = count > 0;
    return SIGMOE_OK;
}

static sigmoe_status look_at_begin(gunzip *g) {
    bool more = true;
    while (more && g->stream.avail_in < sizeof magic) TRY(refill(g, &more));
    bool packed = g->stream.avail_in >= sizeof magic && memcmp(g->block, magic, sizeof magic) == 0;
    g->state = packed ? IN_MEMBER : PLAIN;
    return SIGMOE_OK;
}

static sigmoe_status pass_on(gunzip *g, void *buffer, size_t capacity, size_t *count) {
    if (g->stream.avail_in == 0) return g->source.read(g->source.context, buffer, capacity, count);
    *count = capacity < g->stream.avail_in ? capacity : g->stream.avail_in;
    memcpy(buffer, g->stream.next_in, *count);
    g->stream.next_in += *count;
    g->stream.avail_in -= (uInt)*count;
    return SIGMOE_OK;
}

static sigmoe_status inflate_some(gunzip *g, void *buffer, size_t capacity, size_t *count) {
    bool more = true;
    if (g->stream.avail_in == 0) TRY(refill(g, &more));
    if (!more) return fail_damaged(g, "it ends too early");
    uInt room = capacity < UINT_MAX ? (uInt)capacity : UINT_MAX;
    g->stream.next_out = buffer;
    g->stream.avail_out = room;
    int result = inflate(&g->stream, Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) return fail(SIGMOE_NO_MEMORY, "no memory to unpack %s", g->name);
    if (result != Z_OK && result != Z_STREAM_END)
        return fail_damaged(g, g->stream.msg ? g->stream.msg : "no valid data");
    if (result == Z_STREAM_END) g->state = BETWEEN_MEMBERS;
    *count = room - g->stream.avail_out;
    return SIGMOE_OK;
}

// Members may follow each other. Zeros (padding of tape blocks) may follow the last one, and nothing else.
static sigmoe_status begin_next_member(gunzip *g) {
    bool more = true;
    while (g->stream.avail_in > 0 && *g->stream.next_in == 0) {
        g->stream.next_in++;
        g->stream.avail_in--;
    }
    if (g->stream.avail_in == 0) {
        TRY(refill(g, &more));
        if (!more) g->state = END;
        return SIGMOE_OK;
    }
    if (*g->stream.next_in != magic[0]) return fail_damaged(g, "what follows its data is no gzip");
    if (inflateReset(&g->stream) != Z_OK) return fail_damaged(g, "no valid data");
    g->state = IN_MEMBER;
    return SIGMOE_OK;
}

static sigmoe_status read_gunzip(void *context, void *buffer, size_t capacity, size_t *count) {
    gunzip *g = context;
    *count = 0;
    if (g->state == BEGIN) TRY(look_at_begin(g));
    if (g->state == PLAIN) return pass_on(g, buffer, capacity, count);
    while (*count == 0 && g->state != END) {
        if (g->state == BETWEEN_MEMBERS)
            TRY(begin_next_member(g));
        else
            TRY(inflate_some(g, buffer, capacity, count));
    }
    return SIGMOE_OK;
}

static void close_gunzip(void *context) {
    gunzip *g = context;
    inflateEnd(&g->stream);
    byte_source_close(&g->source);
}

sigmoe_status gunzip_open(byte_source *source, const char *name, arena *a, byte_source *out) {
    gunzip *g;
    sigmoe_status status = ARENA_NEW(a, g, 1);
    if (status == SIGMOE_OK && inflateInit2(&g->stream, WITH_GZIP_HEADER) != Z_OK)
        status = fail(SIGMOE_NO_MEMORY, "no memory to unpack %s", name);
    if (status != SIGMOE_OK) {
        byte_source_close(source);
        return status;
    }
    g->source = *source;
    g->name = name;
    *source = (byte_source){0};
    *out = (byte_source){read_gunzip, close_gunzip, g};
    return SIGMOE_OK;
}
