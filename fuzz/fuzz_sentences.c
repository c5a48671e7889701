// The lines of a text such as WikiText, and documents as JSON lines, as the tokenizer gets them.
#include "fuzz.h"
#include "memory_source.h"

#include "prepare/split_text.h"

static memory_source input;

static sigmoe_status open_input(const void *context, int split, int part, arena *a, byte_source *out) {
    (void)context, (void)split, (void)part, (void)a;
    *out = memory_source_of(&input);
    return SIGMOE_OK;
}

static const char *name_of_input(const void *context, int split, int part) {
    (void)context, (void)split, (void)part;
    return "input";
}

// What is read of it all: a number that does not depend on the pieces.
typedef struct reading {
    sigmoe_status status;
    int64_t sentences, bytes, raw;
    uint32_t hash;
} reading;

static reading read_all(const split_text *text, const uint8_t *bytes, size_t size, size_t piece) {
    reading all = {.hash = 2166136261};
    sentence_reader *reader;
    sentence s = {0};
    input = (memory_source){bytes, size, piece};
    all.status = sentence_reader_open(text, 0, 1, &reader);
    if (all.status != SIGMOE_OK) return all;
    while ((all.status = sentence_reader_next(reader, &s)) == SIGMOE_OK && s.bytes) {
        if (text->format == SENTENCE_LINES && memchr(s.bytes, '\n', s.size)) abort();
        for (size_t i = 0; i < s.size; i++) all.hash = (all.hash ^ (uint8_t)s.bytes[i]) * 16777619;
        all.hash = (all.hash ^ s.cut ^ (uint32_t)s.continues << 1) * 16777619;
        all.sentences++;
        all.bytes += (int64_t)s.size;
    }
    all.raw = sentence_reader_measure(reader)->bytes;
    sentence_reader_close(reader);
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    split_text text = {.name = "input", .parts = {1}, .open = open_input, .part_name = name_of_input};
    for (int kind = 0; kind < 3; kind++) {
        text.format = kind == 0 ? SENTENCE_LINES : SENTENCE_DOCUMENTS;
        text.skip_bad_lines = kind == 2;
        reading whole = read_all(&text, bytes, size, size + 1),
                pieces = read_all(&text, bytes, size, 1 + size % 5);
        if (whole.status != pieces.status || whole.hash != pieces.hash || whole.raw != pieces.raw) abort();
        if (kind == 0 && (whole.status != SIGMOE_OK || whole.raw != (int64_t)size || whole.bytes > whole.raw))
            abort();
        if (kind == 2 && whole.status != SIGMOE_OK) abort();
        arena_fail_after((int64_t)(size % 16));
        read_all(&text, bytes, size, size + 1);
        arena_fail_after(-1);
    }
    return 0;
}
