// Encodes text word by word and remembers the tokens of each word: text is repetitive, and between white space a word's tokens
// do not depend on its neighbours, as no piece spans white space. (If the model has no piece for a space, unknown ones would
// merge across it, so lines are encoded whole.) Several times faster than the library on whole lines.
#pragma once

#include "base/arena.h"
#include "data/tokenizer_sentencepiece.h"

typedef struct word_cache word_cache; // for one thread; 2 MB in the arena

sigmoe_status word_cache_create(const piece_model *model, arena *a, word_cache **out);
// Encodes each of the lines to the tokens that sentencepiece_encode would give.
sigmoe_status word_cache_encode(
    word_cache *c, const char *text, size_t size, int32_t *ids, int64_t capacity, int64_t *count);
