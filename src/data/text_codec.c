#include "data/text_codec.h"

#include "data/tokenizer_sentencepiece.h"

#include <string.h>

typedef struct token_bytes {
    const char *bytes;
    size_t size;
} token_bytes;

struct text_codec {
    arena *arena; // holds all of it
    int64_t vocab_size;
    int16_t id_of[256];  // of bytes: -1 outside of the alphabet
    piece_model *pieces; // NULL: tokens are bytes
    token_bytes *tokens; // [vocab_size]
};

static const char space_mark[] = "\xe2\x96\x81"; // SentencePiece's, U+2581

// ---------------------------------------------------------------- bytes

static sigmoe_status open_bytes(text_codec *c, const tokenizer *t) {
    char *bytes;
    if (t->alphabet_size != c->vocab_size)
        return fail(SIGMOE_BAD_ARGUMENT, "the model has %lld tokens, but its alphabet has %d bytes",
            (long long)c->vocab_size, t->alphabet_size);
    memset(c->id_of, -1, sizeof c->id_of);
    TRY(ARENA_NEW(c->arena, bytes, c->vocab_size));
    for (int i = 0; i < t->alphabet_size; i++) {
        bytes[i] = (char)t->alphabet[i];
        c->id_of[t->alphabet[i]] = (int16_t)i;
        c->tokens[i] = (token_bytes){&bytes[i], 1};
    }
    return SIGMOE_OK;
}

static sigmoe_status encode_bytes(
    const text_codec *c, const char *text, size_t size, arena *a, int32_t **ids, int64_t *count) {
    TRY(ARENA_NEW_RAW(a, *ids, size));
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (c->id_of[byte] < 0)
            return fail(SIGMOE_BAD_ARGUMENT,
                "byte 0x%02x%s%.1s%s, at offset %zu, does not occur in the text that the model learned from",
                byte, byte > ' ' && byte < 0x7f ? " (" : "", byte > ' ' && byte < 0x7f ? text + i : "",
                byte > ' ' && byte < 0x7f ? ")" : "", i);
        (*ids)[i] = c->id_of[byte];
    }
    *count = (int64_t)size;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- pieces

// The text of a piece, with spaces for their marks.
static sigmoe_status piece_bytes(text_codec *c, const char *piece, token_bytes *out) {
    const size_t mark = sizeof space_mark - 1;
    char *to;
    TRY(ARENA_NEW_RAW(c->arena, to, strlen(piece) + 1));
    out->bytes = to;
    while (*piece) {
        bool space = strncmp(piece, space_mark, mark) == 0;
        *to++ = space ? ' ' : *piece;
        piece += space ? mark : 1;
    }
    out->size = (size_t)(to - out->bytes);
    return SIGMOE_OK;
}

static sigmoe_status token_text(text_codec *c, int32_t id, token_bytes *out) {
    static const char unknown[] = " \xe2\x81\x87 "; // U+2047, as SentencePiece decodes it
    const char *piece = sentencepiece_piece(c->pieces, id);
    unsigned byte;
    switch (sentencepiece_kind(c->pieces, id)) {
    case PIECE_TEXT:
        return piece_bytes(c, piece, out);
    case PIECE_UNKNOWN:
        *out = (token_bytes){unknown, sizeof unknown - 1};
        return SIGMOE_OK;
    case PIECE_BYTE: {
        char *bytes;
        TRY(ARENA_NEW(c->arena, bytes, 1));
        bytes[0] = sscanf(piece, "<0x%2x>", &byte) == 1 ? (char)byte : '?';
        *out = (token_bytes){bytes, 1};
        return SIGMOE_OK;
    }
    case PIECE_NO_TEXT:
        break;
    }
    *out = (token_bytes){"", 0};
    return SIGMOE_OK;
}

static sigmoe_status open_pieces(text_codec *c, const tokenizer *t) {
    if (!t->model_path[0])
        return fail(SIGMOE_BAD_ARGUMENT, "the model's tokenizer.model is missing: its tokens have no text");
    TRY(sentencepiece_open(t->model_path, &c->pieces));
    int64_t pieces = sentencepiece_vocab_size(c->pieces);
    if (pieces != c->vocab_size)
        return fail(SIGMOE_BAD_ARGUMENT, "the model has %lld tokens, but %s has %lld",
            (long long)c->vocab_size, t->model_path, (long long)pieces);
    for (int64_t i = 0; i < c->vocab_size; i++) TRY(token_text(c, (int32_t)i, &c->tokens[i]));
    return SIGMOE_OK;
}

static sigmoe_status encode_pieces(
    const text_codec *c, const char *text, size_t size, arena *a, int32_t **ids, int64_t *count) {
    int64_t capacity = sentencepiece_most_ids((int64_t)size);
    TRY(ARENA_NEW_RAW(a, *ids, capacity));
    return sentencepiece_encode(c->pieces, text, size, *ids, capacity, count);
}

// ---------------------------------------------------------------- either

static sigmoe_status fill_in(text_codec *c, const tokenizer *t) {
    TRY(ARENA_NEW(c->arena, c->tokens, c->vocab_size));
    switch (t->type) {
    case TOKENIZER_BYTES:
        return open_bytes(c, t);
    case TOKENIZER_SENTENCEPIECE:
        return open_pieces(c, t);
    case TOKENIZER_NONE:
        break;
    }
    return fail(SIGMOE_BAD_ARGUMENT,
        "the model has no tokenizer (\"tokenizer.type\" is none): its tokens have no text");
}

sigmoe_status text_codec_open(const tokenizer *t, int64_t vocab_size, text_codec **out) {
    arena *a;
    text_codec *c;
    TRY(ARENA_AROUND("tokenizer", a, c));
    c->arena = a;
    c->vocab_size = vocab_size;
    sigmoe_status status = fill_in(c, t);
    if (status == SIGMOE_OK)
        *out = c;
    else
        text_codec_close(c);
    return status;
}

void text_codec_close(text_codec *c) {
    if (!c) return;
    sentencepiece_close(c->pieces);
    arena_destroy(c->arena); // the codec itself lies in it
}

sigmoe_status text_codec_encode(
    const text_codec *c, const char *text, size_t size, arena *a, int32_t **ids, int64_t *count) {
    return c->pieces ? encode_pieces(c, text, size, a, ids, count)
                     : encode_bytes(c, text, size, a, ids, count);
}

sigmoe_status text_codec_beginning(const text_codec *c, int32_t *id) {
    if (!c->pieces && c->id_of['\n'] >= 0) {
        *id = c->id_of['\n'];
        return SIGMOE_OK;
    }
    for (int32_t i = 0; c->pieces && i < c->vocab_size; i++)
        if (strcmp(sentencepiece_piece(c->pieces, i), space_mark) == 0) {
            *id = i;
            return SIGMOE_OK;
        }
    return fail(SIGMOE_BAD_ARGUMENT,
        "a text without a beginning follows a %s, which the model does not know: begin it with something "
        "else",
        c->pieces ? "space" : "newline");
}

static sigmoe_status check_tokens(const text_codec *c, const int32_t *ids, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= c->vocab_size)
            return fail(SIGMOE_BAD_ARGUMENT, "token %d at [%lld] is not one of the vocabulary's 0 to %lld",
                ids[i], (long long)i, (long long)c->vocab_size - 1);
    return SIGMOE_OK;
}

// `most`: bytes that there is room for. A model may show what it does not know as a longer text than others do.
static sigmoe_status decode_pieces(const text_codec *c, const int32_t *ids, int64_t count, size_t most,
    arena *a, char **text, size_t *size) {
    TRY(sentencepiece_decode(c->pieces, ids, count, *text, most + 1, size));
    if (*size <= most) return SIGMOE_OK;
    most = *size;
    TRY(ARENA_NEW_RAW(a, *text, most + 1));
    return sentencepiece_decode(c->pieces, ids, count, *text, most + 1, size);
}

// SentencePiece shows a byte that belongs to no character as U+FFFD, of 3 bytes.
enum { MOST_GROWTH = 3 };

sigmoe_status text_codec_decode(
    const text_codec *c, const int32_t *ids, int64_t count, arena *a, char **text, size_t *size) {
    size_t most = 0;
    TRY(check_tokens(c, ids, count));
    for (int64_t i = 0; i < count; i++) most += MOST_GROWTH * c->tokens[ids[i]].size;
    TRY(ARENA_NEW_RAW(a, *text, most + 1));
    if (c->pieces) return decode_pieces(c, ids, count, most, a, text, size);
    *size = (size_t)count;
    for (int64_t i = 0; i < count; i++) (*text)[i] = *c->tokens[ids[i]].bytes;
    (*text)[count] = '\0';
    return SIGMOE_OK;
}

int64_t text_codec_vocab_size(const text_codec *c) {
    return c->vocab_size;
}

const char *text_codec_bytes(const text_codec *c, int32_t id, size_t *size) {
    *size = c->tokens[id].size;
    return c->tokens[id].bytes;
}

bool text_codec_has_words(const text_codec *c) {
    return c->pieces != NULL;
}
