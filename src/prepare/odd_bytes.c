#include "prepare/odd_bytes.h"

#include "base/utf8.h"

typedef struct watched {
    odd_bytes *odd;
    int part;
    byte_source source;
} watched;

static void find(odd_finds *f, int64_t count, int part, int64_t offset) {
    if (f->count == 0) {
        f->part = part;
        f->offset = offset;
    }
    f->count += count;
}

static void begin_character(odd_bytes *o, uint8_t byte) {
    utf8_lead lead = utf8_lead_of(byte);
    if (lead.more == 0) {
        if (byte >= 0x80) find(&o->broken, 1, o->parts, o->position);
        return;
    }
    o->begun = 1;
    o->missing = lead.more;
    o->low = lead.low;
    o->high = lead.high;
}

static void break_off(odd_bytes *o) {
    if (o->begun > 0) find(&o->broken, o->begun, o->parts, o->position - o->begun);
    o->begun = 0;
}

static void look_for_mark(odd_bytes *o, uint8_t byte) {
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    if (o->position != o->marked || o->marked == sizeof mark || byte != mark[o->marked]) return;
    if (++o->marked == sizeof mark) find(&o->marks, 1, o->parts, 0);
}

static void add_byte(odd_bytes *o, uint8_t byte) {
    look_for_mark(o, byte);
    if (byte == 0) find(&o->nuls, 1, o->parts, o->position);
    if (o->begun > 0 && byte >= o->low && byte <= o->high) {
        o->low = 0x80;
        o->high = 0xbf;
        o->begun = --o->missing > 0 ? o->begun + 1 : 0;
    } else {
        break_off(o);
        begin_character(o, byte);
    }
    o->position++;
}

static void end_part(odd_bytes *o) {
    break_off(o);
    o->parts++;
}

static sigmoe_status read_watched(void *context, void *buffer, size_t capacity, size_t *count) {
    watched *w = context;
    const uint8_t *bytes = buffer;
    TRY(w->source.read(w->source.context, buffer, capacity, count));
    if (w->part != w->odd->parts) return SIGMOE_OK; // this part has been counted
    for (size_t i = 0; i < *count; i++) add_byte(w->odd, bytes[i]);
    if (*count == 0) end_part(w->odd);
    return SIGMOE_OK;
}

static void close_watched(void *context) {
    byte_source_close(&((watched *)context)->source);
}

sigmoe_status odd_bytes_watch(odd_bytes *o, int part, byte_source *source, arena *a, byte_source *out) {
    watched *w;
    sigmoe_status status = ARENA_NEW(a, w, 1);
    if (status != SIGMOE_OK) {
        byte_source_close(source);
        return status;
    }
    *w = (watched){o, part, *source};
    *source = (byte_source){0};
    o->position = 0;
    o->marked = o->begun = 0;
    *out = (byte_source){read_watched, close_watched, w};
    return SIGMOE_OK;
}
