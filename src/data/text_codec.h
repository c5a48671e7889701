// Text to tokens, as prepared data have them, and back.
#pragma once

#include "base/arena.h"
#include "data/tokenizer.h"

typedef struct text_codec text_codec;

// For a model of `vocab_size` tokens. SIGMOE_BAD_ARGUMENT: the tokenizer is not known, or has another vocabulary.
sigmoe_status text_codec_open(const tokenizer *t, int64_t vocab_size, text_codec **out);
void text_codec_close(text_codec *c); // NULL is allowed

// The tokens of a text, in the arena. With SentencePiece, white space at both ends gives none. SIGMOE_BAD_ARGUMENT: a byte is not
// in the model's alphabet.
sigmoe_status text_codec_encode(
    const text_codec *c, const char *text, size_t size, arena *a, int32_t **ids, int64_t *count);
// The text of tokens, in the arena, *size bytes with a zero byte behind them. Where tokens are bytes it may be no UTF-8.
// SIGMOE_BAD_ARGUMENT: one of them is not in the vocabulary.
sigmoe_status text_codec_decode(
    const text_codec *c, const int32_t *ids, int64_t count, arena *a, char **text, size_t *size);
int64_t text_codec_vocab_size(const text_codec *c);
// The token that a text without a beginning follows: a newline, or with SentencePiece, where lines end without a token, the space
// before a word. SIGMOE_BAD_ARGUMENT: the model has none.
sigmoe_status text_codec_beginning(const text_codec *c, int32_t *id);
// The bytes that a token adds to a text, *size of them; with SentencePiece, words begin with their space. Borrowed.
const char *text_codec_bytes(const text_codec *c, int32_t id, size_t *size);
// Whether the tokens' words begin with a space, so that after one another would be too many.
bool text_codec_has_words(const text_codec *c);
