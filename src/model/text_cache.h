// What the layers keep of one text: the keys and values of its newest rows, so that neither LayerNorm nor projections of earlier
// rows are repeated.
#pragma once

#include "kernels/cached_attention/cached_attention.h"
#include "model/config.h"

// Of each layer rings of keys and of values (kernels/cached_attention): position p stands in row p mod capacity.
typedef struct text_cache text_cache;
// `type`: that of the operands of products.
sigmoe_status text_cache_create(const model_config *config, dtype type, int64_t capacity, text_cache **out);
sigmoe_status text_cache_clone(const text_cache *cache, text_cache **out);
void text_cache_copy(const text_cache *from, text_cache *to); // into one that was created alike
void text_cache_destroy(text_cache *cache);                   // NULL is allowed
int64_t text_cache_length(const text_cache *cache);           // positions so far
// Goes back to the first `length` positions, at most as many as there are. What their successors overwrote in the rings is gone:
// the cache must keep all rows that the next ones see, unless `length` is 0.
void text_cache_rewind(text_cache *cache, int64_t length);
// Whether the rows from position `first` on are all there.
bool text_cache_keeps(const text_cache *cache, int64_t first);

// ---------------------------------------------------------------- for the layers

// Stores k and v [n, H * d_h] as the rows of the next n positions of `layer`, n at most the capacity. The length changes in
// text_cache_advance, once all layers are done.
void text_cache_store(text_cache *cache, int layer, matrix k, matrix v);
void text_cache_advance(text_cache *cache, int64_t count);
// The rows of positions [first, first + count) of `layer`, for cached_attention.
cached_rows text_cache_rows(const text_cache *cache, int layer, int64_t first, int64_t count);
// Copies them to k and v [count, H * d_h].
void text_cache_gather(const text_cache *cache, int layer, int64_t first, matrix k, matrix v);

// The same for any rings [heads, capacity, width]: rows [first, first + out.rows), modulo the capacity, as a matrix, and back.
void rings_gather(const void *rings, int64_t heads, int64_t capacity, int64_t first, matrix out);
void rings_scatter(void *rings, int64_t heads, int64_t capacity, int64_t first, matrix rows);
