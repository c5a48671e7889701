// Runs a transformer over texts that go on: each token passes through the model once, whatever follows it. What a token sees is
// what it sees in transformer_logits when the text is fed in segments of the configuration's length T: token p of segment s sees
// the rows from s * T - memory on. Logits are equal to those but for rounding.
#pragma once

#include "model/text_cache.h"
#include "model/transformer_xl.h"
#include "model/workspace.h"

typedef struct decoder decoder;

// `memory`: rows before a segment. `longest`: tokens of the longest text, which may need less room than the memory; 0: unlimited.
// `texts`: how many will be begun at a time; SIGMOE_NO_MEMORY if they will take more memory than may be taken. The transformer, of which the operands must not change any more, and the workspace are borrowed.
sigmoe_status decoder_create(
    transformer *t, const workspace *work, int64_t memory, int64_t longest, int64_t texts, decoder **out);
void decoder_destroy(decoder *d); // NULL is allowed

// Begins a text; the caller owns the cache, and destroys it with text_cache_destroy.
sigmoe_status decoder_begin(const decoder *d, text_cache **out);

// Goes back to the first `length` positions, or, if too much of them has been overwritten, to none; returns to how many.
int64_t decoder_rewind(const decoder *d, text_cache *cache, int64_t length);

enum { DECODER_TEXTS = 8 }; // of one step, at most: so many rows pass through the products together

// Feeds the next `count` tokens of a text, 1 or more. logits [count, V] of all of them, or [1, V] of the last one.
sigmoe_status decoder_feed(
    decoder *d, text_cache *cache, const int32_t *tokens, int64_t count, matrix logits);
// Feeds one token of each of `texts` texts: logits [texts, V]. A text's logits have the same bits whichever texts are beside it.
sigmoe_status decoder_step(
    decoder *d, text_cache *const *caches, const int32_t *tokens, int64_t texts, matrix logits);
