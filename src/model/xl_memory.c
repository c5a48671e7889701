#include "model/xl_memory.h"

#include <string.h>

struct xl_memory {
    arena *arena;
    int64_t batch, width, layers;
    int64_t capacity; // rows a sequence, segments * unroll
    int64_t length;
    real **rows;            // [layers] of [batch, capacity, width]
    const xl_memory *whole; // of which this is a part, and which has the length; NULL: this is no part
};

static int64_t length_of(const xl_memory *m) {
    return m->whole ? m->whole->length : m->length;
}

sigmoe_status xl_memory_create(
    const model_config *config, int64_t batch, int64_t segments, int64_t unroll, xl_memory **out) {
    int64_t capacity, per_layer;
    if (!size_product(&capacity, segments, unroll) || !size_product(&per_layer, capacity, batch) ||
        !size_product(&per_layer, per_layer, config->d_model))
        return fail(SIGMOE_BAD_ARGUMENT, "a memory of %lld segment%s of %lld token%s is too large",
            (long long)segments, plural(segments), (long long)unroll, plural(unroll));
    arena *a;
    TRY(arena_create("memory", &a));
    sigmoe_status status;
    xl_memory *m;
    TRY_OR(failed, ARENA_NEW(a, m, 1));
    *m = (xl_memory){a, batch, config->d_model, config->n_layers, capacity, 0, NULL, NULL};
    TRY_OR(failed, ARENA_NEW(a, m->rows, m->layers));
    for (int64_t i = 0; i < m->layers; i++) TRY_OR(failed, ARENA_NEW(a, m->rows[i], per_layer));
    *out = m;
    return SIGMOE_OK;
failed:
    arena_destroy(a);
    return status;
}

void xl_memory_destroy(xl_memory *memory) {
    if (memory) arena_destroy(memory->arena);
}

sigmoe_status xl_memory_part(xl_memory *memory, int64_t first, int64_t count, arena *a, xl_memory **out) {
    xl_memory *part;
    TRY(ARENA_NEW(a, part, 1));
    *part = *memory;
    part->batch = count;
    part->whole = memory;
    TRY(ARENA_NEW(a, part->rows, part->layers));
    for (int layer = 0; layer < (int)part->layers; layer++)
        part->rows[layer] = memory->rows[layer] + first * memory->capacity * memory->width;
    *out = part;
    return SIGMOE_OK;
}

void xl_memory_reset(xl_memory *memory) {
    memory->length = 0;
}
int64_t xl_memory_length(const xl_memory *memory) {
    return length_of(memory);
}
int64_t xl_memory_capacity(const xl_memory *memory) {
    return memory->capacity;
}

static real *sequence(const xl_memory *m, int layer, int64_t b) {
    return m->rows[layer] + b * m->capacity * m->width;
}

static size_t row_bytes(const xl_memory *m, int64_t rows) {
    return (size_t)(rows * m->width) * sizeof(real);
}

void xl_memory_trim(xl_memory *memory, int64_t count, int64_t most) {
    int64_t end = memory->length - count, kept = end < most ? end : most;
    for (int layer = 0; layer < (int)memory->layers; layer++)
        for (int64_t b = 0; b < memory->batch; b++) {
            real *rows = sequence(memory, layer, b);
            memmove(rows, rows + (end - kept) * memory->width, row_bytes(memory, kept));
        }
    memory->length = kept;
}

void xl_memory_export(const xl_memory *memory, int layer, real *rows) {
    for (int64_t b = 0; b < memory->batch; b++)
        memcpy(rows + b * memory->length * memory->width, sequence(memory, layer, b),
            row_bytes(memory, memory->length));
}

void xl_memory_import(xl_memory *memory, int layer, const real *rows, int64_t length) {
    memory->length = length;
    for (int64_t b = 0; b < memory->batch; b++)
        memcpy(sequence(memory, layer, b), rows + b * length * memory->width, row_bytes(memory, length));
}

// One task per sequence, each copying whole rows.
typedef struct move {
    const xl_memory *memory;
    int layer;
    const real *x;
    int64_t segment;
    real *joined;
} move;

static void join_sequence(void *context, int64_t b, int thread) {
    (void)thread;
    const move *c = context;
    const xl_memory *m = c->memory;
    real *out = c->joined + b * (length_of(m) + c->segment) * m->width;
    memcpy(out, sequence(m, c->layer, b), row_bytes(m, length_of(m)));
    memcpy(out + length_of(m) * m->width, c->x + b * c->segment * m->width, row_bytes(m, c->segment));
}

void xl_memory_join(const kernel_context *context, const xl_memory *memory, int layer, matrix x,
    int64_t segment, matrix joined) {
    THREADS_PART(context->threads, "memory");
    move c = {memory, layer, matrix_real(x), segment, matrix_real(joined)};
    parallel_for(context->threads, memory->batch, join_sequence, &c);
}

static void remember_sequence(void *context, int64_t b, int thread) {
    (void)thread;
    const move *c = context;
    const xl_memory *m = c->memory;
    real *rows = sequence(m, c->layer, b);
    const real *x = c->x + b * c->segment * m->width;
    int64_t fresh = c->segment < m->capacity ? c->segment : m->capacity;
    int64_t old = length_of(m) + fresh > m->capacity ? m->capacity - fresh : length_of(m);
    memmove(rows, rows + (length_of(m) - old) * m->width, row_bytes(m, old));
    memcpy(rows + old * m->width, x + (c->segment - fresh) * m->width, row_bytes(m, fresh));
}

void xl_memory_remember(
    const kernel_context *context, xl_memory *memory, int layer, matrix x, int64_t segment) {
    THREADS_PART(context->threads, "memory");
    move c = {memory, layer, matrix_real(x), segment, NULL};
    parallel_for(context->threads, memory->batch, remember_sequence, &c);
}

void xl_memory_advance(xl_memory *memory, int64_t segment) {
    if (memory->whole) return;
    int64_t length = memory->length + segment;
    memory->length = length < memory->capacity ? length : memory->capacity;
}
