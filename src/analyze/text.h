// Tokens in human-readable form. Whatever a text contains, the result is valid UTF-8 on one line: newlines become signs;
// invalid bytes, control characters and those that change the writing direction become escapes (\x1b, \u{202e}).
#pragma once

#include "data/tokenizer.h"
#include "data/tokenizer_sentencepiece.h"

#include <stdint.h>

typedef struct token_reader {
    const tokenizer *tokenizer; // borrowed
    piece_model *pieces;        // NULL if there is none
} token_reader;

// Whether the text of the tokens is known.
bool tokenizer_has_text(const tokenizer *t);
sigmoe_status token_reader_open(const tokenizer *t, token_reader *out);
void token_reader_close(token_reader *r);
// The text of tokens, in the arena. Tokens of unknown text are shown as numbers, "#17".
sigmoe_status token_text(
    const token_reader *r, arena *a, const int32_t *tokens, int64_t count, const char **out);
// Makes any bytes visible as described above; in the arena.
sigmoe_status visible_text(arena *a, const char *bytes, size_t size, const char **out);
