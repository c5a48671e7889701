#include "analyze/text.h"

#include "base/printable.h"
#include "base/text_stream.h"

#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- visible text

sigmoe_status visible_text(arena *a, const char *bytes, size_t size, const char **out) {
    text_stream built;
    TRY(text_stream_open(&built));
    for (size_t i = 0; i < size;) {
        printable p = printable_at(bytes + i, size - i);
        if (bytes[i] == '\n' || bytes[i] == '\t')
            fputs(bytes[i] == '\n' ? "↵" : "⇥", built.out);
        else
            fwrite(p.bytes, 1, p.size, built.out);
        i += p.taken;
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
