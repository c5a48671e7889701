#include "generate/passage_tokens.h"

#include "generate/white.h"

#include <string.h>

typedef struct span {
    const char *text;
    size_t size;
} span;

typedef struct id_list {
    int32_t *ids;
    int64_t count;
} id_list;

static sigmoe_status encode(const text_codec *c, span s, const char *member, arena *a, id_list *out) {
    sigmoe_status status = text_codec_encode(c, s.text, s.size, a, &out->ids, &out->count);
    return status == SIGMOE_OK ? status : fail_in(status, "\"%s\"", member);
}

// One text behind the other.
static sigmoe_status joined(span first, span second, arena *a, span *out) {
    size_t size = 0;
    char *text;
    if (__builtin_add_overflow(first.size, second.size, &size)) size = SIZE_MAX; // no memory has that much
    TRY(ARENA_NEW_RAW(a, text, size));
    if (first.size > 0) memcpy(text, first.text, first.size);
    if (second.size > 0) memcpy(text + first.size, second.text, second.size);
    *out = (span){text, size};
    return SIGMOE_OK;
}

static int64_t common(id_list a, id_list b) {
    int64_t n = 0;
    while (n < a.count && n < b.count && a.ids[n] == b.ids[n]) n++;
    return n;
}

// Pieces may reach from the context into the continuation. Those that do are the continuation's, so that none of its text is lost.
static sigmoe_status encode_words(
    const text_codec *c, span context, span continuation, arena *a, id_list *whole, int64_t *before) {
    id_list alone;
    span both;
    size_t end = context.size;
    while (end > 0 && is_white(context.text[end - 1])) end--;
    TRY(joined(context, continuation, a, &both));
    TRY(encode(c, (span){context.text, end}, "context", a, &alone));
    TRY(encode(c, both, "continuation", a, whole));
    *before = common(alone, *whole);
    return SIGMOE_OK;
}

static sigmoe_status encode_both(
    const text_codec *c, span context, span continuation, arena *a, id_list parts[2]) {
    int64_t before;
    if (text_codec_has_words(c)) {
        TRY(encode_words(c, context, continuation, a, &parts[1], &before));
        parts[0] = (id_list){parts[1].ids, before};
        parts[1] = (id_list){parts[1].ids + before, parts[1].count - before};
        return SIGMOE_OK;
    }
    TRY(encode(c, context, "context", a, &parts[0]));
    return encode(c, continuation, "continuation", a, &parts[1]);
}

static sigmoe_status take(
    const text_codec *c, span context, span continuation, arena *a, arena *scratch, passage_tokens *out) {
    id_list parts[2];
    int32_t beginning, *ids;
    TRY(encode_both(c, context, continuation, scratch, parts));
    if (parts[0].count == 0) {
        TRY(text_codec_beginning(c, &beginning));
        parts[0] = (id_list){&beginning, 1};
    }
    *out = (passage_tokens){.context = parts[0].count, .count = parts[0].count + parts[1].count};
    TRY(ARENA_NEW_RAW(a, ids, out->count));
    memcpy(ids, parts[0].ids, (size_t)parts[0].count * sizeof *ids);
    memcpy(ids + parts[0].count, parts[1].ids, (size_t)parts[1].count * sizeof *ids);
    out->ids = ids;
    return SIGMOE_OK;
}

sigmoe_status passage_encode(
    const text_codec *c, const sigmoe_passage *passage, arena *a, arena *scratch, passage_tokens *out) {
    arena_mark mark = arena_here(scratch);
    span context = {passage->context, passage->context ? passage->context_size : 0};
    span continuation = {passage->continuation, passage->continuation_size};
    if (!passage->continuation)
        return fail(
            SIGMOE_BAD_ARGUMENT, "a passage needs a continuation: an empty one is possible, none is not");
    sigmoe_status status = take(c, context, continuation, a, scratch, out);
    arena_release(scratch, mark);
    return status;
}
