// Encodes text word by word and remembers what words became: text repeats itself, and between white space a word's tokens do
// not depend on its neighbours, as no piece reaches over white space. (Where a space is no piece, unknown ones would run
// together over it: then lines are encoded whole.) Several times faster than the library on whole lines.
#pragma once

#include "base/arena.h"
#include "data/tokenizer_sentencepiece.h"

typedef struct word_cache word_cache; // for one thread; 2 MB in the arena

sigmoe_status word_cache_create(const piece_model *model, arena *a, word_cache **out);
// The tokens of sentencepiece_encode on each of the lines.
sigmoe_status word_cache_encode(
    word_cache *c, const char *text, size_t size, int32_t *ids, int64_t capacity, int64_t *count);
