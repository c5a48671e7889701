// SentencePiece models, loaded and used. No exception and no abort of the library's comes through.
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct piece_model piece_model;

sigmoe_status sentencepiece_open(const char *path, piece_model **out);
void sentencepiece_close(piece_model *s); // NULL is allowed
int64_t sentencepiece_vocab_size(const piece_model *s);
// The id of what the model has no piece for; several in a row become one.
int32_t sentencepiece_unknown(const piece_model *s);
// Whether the space in front of a word is a piece. It is not where words are so long that a space is a rare character.
bool sentencepiece_knows_space(const piece_model *s);
// Writes at most `capacity` ids; more of them are an error. May be called from several threads at once.
sigmoe_status sentencepiece_encode(
    const piece_model *s, const char *bytes, size_t size, int32_t *ids, int64_t capacity, int64_t *count);
// More ids than `size` bytes can become.
static inline int64_t sentencepiece_most_ids(int64_t size) {
    return 6 * size + 2; // normalization makes at most 18 characters of one of 3 bytes
}
// The text that ids stand for, 0-terminated, *size bytes; *text is cut where `capacity` ends.
sigmoe_status sentencepiece_decode(
    const piece_model *s, const int32_t *ids, int64_t count, char *text, size_t capacity, size_t *size);
// A token's piece as the model writes it (white space is U+2581); borrowed. "" for what is no id.
const char *sentencepiece_piece(const piece_model *s, int32_t id);
