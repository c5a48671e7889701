// Loads and uses SentencePiece models. No exception or abort of the library gets through.
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct piece_model piece_model;

sigmoe_status sentencepiece_open(const char *path, piece_model **out);
void sentencepiece_close(piece_model *s); // NULL is allowed
int64_t sentencepiece_vocab_size(const piece_model *s);
// The id for text that the model has no piece for; several in a row become one.
int32_t sentencepiece_unknown(const piece_model *s);
// Whether the space before a word is a piece. It is not if words are so long that spaces are rare.
bool sentencepiece_knows_space(const piece_model *s);
// Writes at most `capacity` ids; fails if there are more. Can be called from several threads at once.
sigmoe_status sentencepiece_encode(
    const piece_model *s, const char *bytes, size_t size, int32_t *ids, int64_t capacity, int64_t *count);
// An upper bound on the ids that `size` bytes can become.
static inline int64_t sentencepiece_most_ids(int64_t size) {
    return 6 * size + 2; // normalization makes at most 18 characters of one of 3 bytes
}
// The text of the ids, 0-terminated, *size bytes; *text is cut at `capacity`.
sigmoe_status sentencepiece_decode(
    const piece_model *s, const int32_t *ids, int64_t count, char *text, size_t capacity, size_t *size);
// A token's piece as the model stores it (white space is U+2581); borrowed. "" for an invalid id.
const char *sentencepiece_piece(const piece_model *s, int32_t id);
// What a token stands for. A byte's piece is "<0x0A>"; control tokens and unused ones stand for no text.
typedef enum piece_kind { PIECE_TEXT, PIECE_UNKNOWN, PIECE_BYTE, PIECE_NO_TEXT } piece_kind;
piece_kind sentencepiece_kind(const piece_model *s, int32_t id);
