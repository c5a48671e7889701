#include "analyze/text.h"

#include "base/text_stream.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- visible text

// The length of the valid UTF-8 sequence at `at`, and its code point; 0 if there is none.
static size_t read_utf8(const unsigned char *at, size_t left, uint32_t *point) {
    utf8_lead lead = utf8_lead_of(at[0]);
    size_t length = 1 + (size_t)lead.more;
    *point = at[0];
    if (at[0] < 0x80) return 1;
    if (lead.more == 0 || length > left || at[1] < lead.low || at[1] > lead.high) return 0;
    *point &= 0x7fu >> length;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0;
        *point = *point << 6 | (at[i] & 0x3fu);
    }
    return length;
}

// Characters that are invisible or affect their surroundings.
static bool is_hidden(uint32_t point) {
    static const struct {
        uint32_t first, last;
    } hidden[] = {{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200f},
        {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
        {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff}};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (point >= hidden[i].first && point <= hidden[i].last) return true;
    return false;
}

static void append_visible(FILE *out, const unsigned char *at, size_t length, uint32_t point) {
    if (length == 0)
        fprintf(out, "\\x%02x", at[0]);
    else if (point == '\n')
        fputs("↵", out);
    else if (point == '\t')
        fputs("⇥", out);
    else if (is_hidden(point))
        fprintf(out, point < 0x80 ? "\\x%02x" : "\\u{%x}", (unsigned)point);
    else
        fwrite(at, 1, length, out);
}

sigmoe_status visible_text(arena *a, const char *bytes, size_t size, const char **out) {
    text_stream built;
    TRY(text_stream_open(&built));
    for (size_t i = 0; i < size;) {
        const unsigned char *at = (const unsigned char *)bytes + i;
        uint32_t point = 0;
        size_t length = read_utf8(at, size - i, &point);
        append_visible(built.out, at, length, point);
        i += length ? length : 1;
    }
    TRY(text_stream_close(&built));
    *out = arena_text(a, "%s", built.text);
    free(built.text);
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

// ---------------------------------------------------------------- tokens

bool tokenizer_has_text(const tokenizer *t) {
    return t->type == TOKENIZER_BYTES || (t->type == TOKENIZER_SENTENCEPIECE && t->model_path[0]);
}

sigmoe_status token_reader_open(const tokenizer *t, token_reader *out) {
    *out = (token_reader){.tokenizer = t};
    if (t->type == TOKENIZER_SENTENCEPIECE && tokenizer_has_text(t))
        return sentencepiece_open(t->model_path, &out->pieces);
    return SIGMOE_OK;
}

void token_reader_close(token_reader *r) {
    sentencepiece_close(r->pieces);
    r->pieces = NULL;
}

// In pieces, U+2581 is white space.
static void append_piece(FILE *out, const char *piece) {
    static const char space[] = "\xe2\x96\x81";
    for (const char *next; (next = strstr(piece, space)); piece = next + strlen(space))
        fprintf(out, "%.*s ", (int)(next - piece), piece);
    fputs(piece, out);
}

static void append_token(const token_reader *r, FILE *out, int32_t token) {
    const tokenizer *t = r->tokenizer;
    const char *piece = r->pieces ? sentencepiece_piece(r->pieces, token) : "";
    if (t->type == TOKENIZER_BYTES && token >= 0 && token < t->alphabet_size)
        fputc(t->alphabet[token], out);
    else if (*piece)
        append_piece(out, piece);
    else
        fprintf(out, "#%d ", (int)token);
}

sigmoe_status token_text(
    const token_reader *r, arena *a, const int32_t *tokens, int64_t count, const char **out) {
    text_stream raw;
    TRY(text_stream_open(&raw));
    for (int64_t i = 0; i < count; i++) append_token(r, raw.out, tokens[i]);
    TRY(text_stream_close(&raw));
    sigmoe_status status = visible_text(a, raw.text, raw.size, out);
    free(raw.text);
    return status;
}
