#include "prepare/raw_text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { LONGEST_CHARACTER = 4 }; // bytes of UTF-8

// ---------------------------------------------------------------- reading

static sigmoe_status read_part(byte_source *source, unsigned char *block, progress_meter *meter,
    raw_block_consumer *consume, void *context) {
    for (;;) {
        size_t count = 0;
        TRY(source->read(source->context, block, RAW_BLOCK, &count));
        if (count == 0) return SIGMOE_OK;
        TRY(consume(context, block, count));
        TRY(progress_at(meter, meter->state.done + (double)count));
    }
}

static sigmoe_status read_part_of(const raw_text *text, int part, unsigned char *block, arena *a,
    progress_meter *meter, raw_block_consumer *consume, void *context) {
    arena_mark mark = arena_here(a);
    byte_source source = {0};
    sigmoe_status status = text->open(text->context, part, a, &source);
    if (status == SIGMOE_OK) status = read_part(&source, block, meter, consume, context);
    byte_source_close(&source);
    arena_release(a, mark);
    return status;
}

sigmoe_status raw_text_read(
    const raw_text *text, arena *a, progress_meter *meter, raw_block_consumer *consume, void *context) {
    unsigned char *block;
    TRY(ARENA_NEW_RAW(a, block, RAW_BLOCK));
    for (int part = 0; part < text->parts; part++)
        TRY(read_part_of(text, part, block, a, meter, consume, context));
    return SIGMOE_OK;
}

static sigmoe_status survey_block(void *context, const unsigned char *bytes, size_t count) {
    raw_survey *s = context;
    for (size_t i = 0; i < count; i++) s->occurs[bytes[i]] = true;
    s->bytes += (int64_t)count;
    sha256_update(&s->hash, count, bytes);
    return SIGMOE_OK;
}

static sigmoe_status check_survey(const raw_text *text, raw_survey *s) {
    char hash[SHA256_HEX];
    sha256_hex(&s->hash, hash);
    if (text->bytes && s->bytes != text->bytes)
        return fail(SIGMOE_BAD_FORMAT, "%s has %" PRId64 " byte%s; it must have exactly %" PRId64, text->name,
            s->bytes, plural(s->bytes), text->bytes);
    if (text->sha256 && strcmp(hash, text->sha256) != 0)
        return fail(
            SIGMOE_BAD_FORMAT, "%s has the SHA-256 %s; it must have %s", text->name, hash, text->sha256);
    if (s->bytes == 0) return fail(SIGMOE_BAD_FORMAT, "%s is empty", text->name);
    return SIGMOE_OK;
}

static sigmoe_status survey_parts(const raw_text *text, arena *a, progress_meter *meter, raw_survey *out) {
    unsigned char *block;
    TRY(ARENA_NEW_RAW(a, block, RAW_BLOCK));
    for (int part = 0; part < text->parts; part++) {
        int64_t before = out->bytes;
        TRY(read_part_of(text, part, block, a, meter, survey_block, out));
        out->part_bytes[part] = out->bytes - before;
    }
    return SIGMOE_OK;
}

sigmoe_status raw_text_survey(
    const raw_text *text, const sigmoe_observer *observer, arena *a, raw_survey *out) {
    arena *own;
    progress_meter meter;
    *out = (raw_survey){0};
    sha256_init(&out->hash);
    TRY(ARENA_NEW(a, out->part_bytes, text->parts));
    TRY(arena_create("survey of a text", &own));
    progress_begin(&meter, observer, "read", "bytes", 0, text->bytes ? (double)text->bytes : NAN);
    sigmoe_status status = survey_parts(text, own, &meter, out);
    if (status == SIGMOE_OK) progress_end(&meter);
    arena_destroy(own);
    return status == SIGMOE_OK ? check_survey(text, out) : status;
}

// ---------------------------------------------------------------- splits

void raw_text_starts(const raw_text *text, int64_t bytes, int64_t starts[SPLITS + 1]) {
    if (text->files) {
        memcpy(starts, text->files->starts, sizeof text->files->starts);
        return;
    }
    starts[0] = 0;
    starts[1] = bytes / 10 * 9 + bytes % 10 * 9 / 10;
    starts[2] = bytes / 20 * 19 + bytes % 20 * 19 / 20;
    starts[SPLITS] = bytes;
}

const char *raw_text_split_by(const raw_text *text) {
    return text->files ? split_by_files : split_by_position;
}

bool raw_text_begins_split(const raw_text *text, int64_t behind, unsigned char byte) {
    if (behind < 0) return false;
    bool inside_character = (byte & 0xc0) == 0x80;
    return text->exact_cuts || text->files || !inside_character || behind >= LONGEST_CHARACTER - 1;
}

sigmoe_status raw_text_changed(const raw_text *text) {
    return fail(SIGMOE_IO, "%s changed while it was being read; prepare it again", text->name);
}

sigmoe_status raw_text_too_short(const raw_text *text, int64_t bytes) {
    return fail(SIGMOE_BAD_FORMAT,
        "%s has %" PRId64
        " byte%s, too few for a train, a valid and a test split (90, 5 and 5 %%): 20 are needed, and "
        "to learn from, some ten thousand",
        text->name, bytes, plural(bytes));
}

typedef struct split_source {
    const raw_text *text;
    arena *memory; // of the part that is open
    byte_source source;
    int part; // the next to open
    bool open;
    int64_t position;         // bytes of the text read
    int64_t first, last, end; // nominal start of the split and of the next one; the text's end
    bool begun, ended;
} split_source;

// Reads on, from one part to the next; *count 0 at the end of the text.
static sigmoe_status read_on(split_source *s, void *buffer, size_t capacity, size_t *count) {
    for (;;) {
        *count = 0;
        if (s->open) TRY(s->source.read(s->source.context, buffer, capacity, count));
        if (*count > 0) break;
        byte_source_close(&s->source);
        arena_destroy(s->memory);
        s->memory = NULL;
        s->open = false;
        if (s->part == s->text->parts) break;
        TRY(arena_create("part of a text", &s->memory));
        TRY(s->text->open(s->text->context, s->part++, s->memory, &s->source));
        s->open = true;
    }
    s->position += (int64_t)*count;
    return SIGMOE_OK;
}

// How many of `count` bytes, the first one at position `place`, precede the split that nominally starts at `start`.
static size_t in_front(
    const split_source *s, const unsigned char *bytes, size_t count, int64_t at, int64_t start) {
    size_t i = at >= start ? 0 : (uint64_t)(start - at) < count ? (size_t)(start - at) : count;
    while (i < count && !raw_text_begins_split(s->text, at + (int64_t)i - start, bytes[i])) i++;
    return i;
}

static sigmoe_status read_split(void *context, void *buffer, size_t capacity, size_t *count) {
    split_source *s = context;
    unsigned char *bytes = buffer;
    *count = 0;
    while (*count == 0 && !s->ended) {
        int64_t at = s->position;
        size_t got = 0;
        TRY(read_on(s, buffer, capacity, &got));
        if (s->position > s->end || (got == 0 && s->position < s->end)) return raw_text_changed(s->text);
        if (got == 0) s->ended = true;
        size_t skipped = s->begun || s->first == 0 ? 0 : in_front(s, bytes, got, at, s->first);
        s->begun = skipped < got;
        if (!s->begun) continue;
        size_t kept = s->last == s->end ? got : in_front(s, bytes, got, at, s->last);
        s->ended = kept < got;
        *count = kept > skipped ? kept - skipped : 0;
        memmove(bytes, bytes + skipped, *count);
    }
    return SIGMOE_OK;
}

static void close_split(void *context) {
    split_source *s = context;
    byte_source_close(&s->source);
    arena_destroy(s->memory);
}

sigmoe_status raw_text_open_split(
    const raw_text *text, int64_t bytes, int split, arena *a, byte_source *out) {
    split_source *s;
    int64_t starts[SPLITS + 1];
    raw_text_starts(text, bytes, starts);
    TRY(ARENA_NEW(a, s, 1));
    s->text = text;
    s->first = starts[split];
    s->last = starts[split + 1];
    s->end = bytes;
    *out = (byte_source){read_split, close_split, s};
    return SIGMOE_OK;
}
