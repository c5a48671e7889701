#include "model/text_cache.h"

#include <string.h>

struct text_cache {
    arena *arena; // holds all of it
    dtype type;
    int64_t layers, heads, width, capacity;
    int64_t length;
    void **k, **v; // [layers] of [heads, capacity, width]
};

static int64_t ring_elements(const text_cache *c) {
    return c->heads * c->capacity * c->width;
}

static sigmoe_status take_rings(text_cache *c) {
    int64_t rows, elements;
    if (!size_product(&rows, c->heads * c->width, c->capacity) || !size_product(&elements, rows, c->layers))
        return fail(SIGMOE_BAD_ARGUMENT, "keys and values of %lld token%s are too many",
            (long long)c->capacity, plural(c->capacity));
    TRY(ARENA_NEW(c->arena, c->k, c->layers));
    TRY(ARENA_NEW(c->arena, c->v, c->layers));
    for (int64_t i = 0; i < c->layers; i++) {
        c->k[i] = arena_take_raw(c->arena, (size_t)ring_elements(c), dtype_size(c->type));
        c->v[i] = c->k[i] ? arena_take_raw(c->arena, (size_t)ring_elements(c), dtype_size(c->type)) : NULL;
        if (!c->v[i]) return SIGMOE_NO_MEMORY;
    }
    return SIGMOE_OK;
}

static sigmoe_status create(const text_cache *like, text_cache **out) {
    arena *a;
    text_cache *c;
    TRY(ARENA_AROUND("keys and values", a, c));
    *c = *like;
    c->arena = a;
    sigmoe_status status = take_rings(c);
    if (status == SIGMOE_OK)
        *out = c;
    else
        arena_destroy(a);
    return status;
}

sigmoe_status text_cache_create(const model_config *config, dtype type, int64_t capacity, text_cache **out) {
    return create(&(text_cache){.type = type,
                      .layers = config->n_layers,
                      .heads = config->n_heads,
                      .width = config->d_head,
                      .capacity = capacity},
        out);
}

void text_cache_copy(const text_cache *from, text_cache *to) {
    size_t element = dtype_size(from->type), step = (size_t)(from->capacity * from->width) * element;
    size_t used = (size_t)(least(from->length, from->capacity) * from->width) * element;
    for (int64_t i = 0; i < from->layers; i++)
        for (size_t at = 0; at < (size_t)from->heads * step; at += step) {
            memcpy((char *)to->k[i] + at, (char *)from->k[i] + at, used);
            memcpy((char *)to->v[i] + at, (char *)from->v[i] + at, used);
        }
    to->length = from->length;
}

sigmoe_status text_cache_clone(const text_cache *cache, text_cache **out) {
    TRY(create(cache, out));
    text_cache_copy(cache, *out);
    return SIGMOE_OK;
}

void text_cache_destroy(text_cache *cache) {
    if (cache) arena_destroy(cache->arena); // the cache itself lies in it
}

int64_t text_cache_length(const text_cache *cache) {
    return cache->length;
}

void text_cache_rewind(text_cache *cache, int64_t length) {
    cache->length = length;
}

bool text_cache_keeps(const text_cache *cache, int64_t first) {
    return cache->length - cache->capacity <= first;
}

void text_cache_advance(text_cache *cache, int64_t count) {
    cache->length += count;
}

static void *ring_row(
    const void *rings, int64_t capacity, int64_t head, int64_t row, int64_t width, dtype type) {
    return (char *)rings + (size_t)((head * capacity + row) * width) * dtype_size(type);
}

static void *head_of(matrix m, int64_t row, int64_t head, int64_t width) {
    return matrix_part(m, row, 1, head * width, width).data;
}

void rings_gather(const void *rings, int64_t heads, int64_t capacity, int64_t first, matrix out) {
    int64_t width = out.cols / heads;
    size_t bytes = (size_t)width * dtype_size(out.type);
    for (int64_t i = 0; i < out.rows; i++)
        for (int64_t h = 0; h < heads; h++)
            memcpy(head_of(out, i, h, width),
                ring_row(rings, capacity, h, (first + i) % capacity, width, out.type), bytes);
}

void rings_scatter(void *rings, int64_t heads, int64_t capacity, int64_t first, matrix rows) {
    int64_t width = rows.cols / heads;
    size_t bytes = (size_t)width * dtype_size(rows.type);
    for (int64_t i = 0; i < rows.rows; i++)
        for (int64_t h = 0; h < heads; h++)
            memcpy(ring_row(rings, capacity, h, (first + i) % capacity, width, rows.type),
                head_of(rows, i, h, width), bytes);
}

void text_cache_store(text_cache *cache, int layer, matrix k, matrix v) {
    rings_scatter(cache->k[layer], cache->heads, cache->capacity, cache->length, k);
    rings_scatter(cache->v[layer], cache->heads, cache->capacity, cache->length, v);
}

void text_cache_gather(const text_cache *cache, int layer, int64_t first, matrix k, matrix v) {
    rings_gather(cache->k[layer], cache->heads, cache->capacity, first, k);
    rings_gather(cache->v[layer], cache->heads, cache->capacity, first, v);
}

cached_rows text_cache_rows(const text_cache *cache, int layer, int64_t first, int64_t count) {
    return (cached_rows){cache->k[layer], cache->v[layer], first, count};
}
