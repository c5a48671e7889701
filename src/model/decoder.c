#include "model/decoder.h"

#include "base/memory_limit.h"
#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/pointwise/pointwise.h"
#include "model/attention_cached.h"
#include "model/embedding.h"
#include "model/transformer_xl_parts.h"

#include <assert.h>
#include <stdio.h>

struct decoder {
    arena *arena; // holds all of it
    transformer *t;
    const workspace *work;
    int64_t memory, capacity;
    const attention_layer **attention; // [L]
    position_rings positions;
};

// Keys and values of each text, and the positions, which are as large as either.
static sigmoe_status check_memory(const decoder *d, int64_t texts) {
    const model_config *c = &d->t->config;
    char what[96];
    int64_t elements;
    memory_need need = {.what = what, .saves = "a shorter context, or fewer texts at a time,"};
    if (!size_product(&elements, c->n_heads * c->d_head, d->capacity))
        return SIGMOE_OK; // refused where it is taken
    double row = (double)c->n_layers * (double)(c->n_heads * c->d_head) * (double)dtype_size(d->t->operands);
    need.bytes = (2 * (double)texts + 1) * row * (double)d->capacity;
    snprintf(what, sizeof what, "remembering %lld tokens of %lld text%s", (long long)d->capacity,
        (long long)texts, plural(texts));
    return memory_check(&need);
}

static sigmoe_status fill_in(decoder *d, transformer *t, int64_t memory, int64_t longest, int64_t texts) {
    const model_config *c = &t->config;
    d->t = t;
    d->memory = memory;
    if (__builtin_add_overflow(memory, c->unroll, &d->capacity))
        return fail(SIGMOE_BAD_ARGUMENT, "a memory of %lld tokens is too large", (long long)memory);
    if (longest > 0) d->capacity = least(d->capacity, longest);
    TRY(check_memory(d, texts));
    TRY(ARENA_NEW(d->arena, d->attention, c->n_layers));
    for (int64_t i = 0; i < c->n_layers; i++) d->attention[i] = &t->layers[i].attention;
    return position_rings_create(c, t->operands, d->capacity, d->arena, &d->positions);
}

sigmoe_status decoder_create(
    transformer *t, const workspace *work, int64_t memory, int64_t longest, int64_t texts, decoder **out) {
    arena *a;
    decoder *d;
    TRY(ARENA_AROUND("decoder", a, d));
    d->arena = a;
    d->work = work;
    sigmoe_status status = fill_in(d, t, memory, longest, texts);
    if (status == SIGMOE_OK && (t->operands == TYPE_BF16 || parameters_only_rounded(t->parameters)))
        status = parameters_round(&work->kernel, t->parameters);
    if (status == SIGMOE_OK)
        *out = d;
    else
        arena_destroy(a);
    return status;
}

void decoder_destroy(decoder *d) {
    if (d) arena_destroy(d->arena); // the decoder itself lies in it
}

sigmoe_status decoder_begin(const decoder *d, text_cache **out) {
    return text_cache_create(&d->t->config, d->t->operands, d->capacity, out);
}

// The oldest position that the token at `position` sees.
static int64_t oldest_seen(const decoder *d, int64_t position) {
    int64_t unroll = d->t->config.unroll;
    return most(position / unroll * unroll - d->memory, 0);
}

int64_t decoder_rewind(const decoder *d, text_cache *cache, int64_t length) {
    int64_t kept = text_cache_keeps(cache, oldest_seen(d, length)) ? length : 0;
    text_cache_rewind(cache, kept);
    return kept;
}

// ---------------------------------------------------------------- one pass

// Rows that pass through the model together: the next ones of one text, within a segment, or the next one of each of several.
typedef struct row_pass {
    decoder *d;
    step_context step;
    cached_pass cached;
    matrix x, middle;  // [n, d]: the residual stream
    real *mean, *rstd; // [n]
} row_pass;

// Where the rows stand, what they see, and the positions that this takes.
static sigmoe_status place_rows(row_pass *p, int64_t each) {
    const model_config *c = &p->d->t->config;
    arena *a = p->step.activations;
    int64_t *first, longest = 0;
    token_place *places;
    TRY(ARENA_NEW_RAW(a, first, p->cached.texts));
    TRY(ARENA_NEW_RAW(a, places, p->cached.texts * each));
    for (int64_t b = 0; b < p->cached.texts; b++) {
        int64_t length = text_cache_length(p->cached.caches[b]), segment = length / c->unroll;
        first[b] = oldest_seen(p->d, length);
        longest = most(longest, length + each - first[b]);
        for (int64_t i = 0; i < each; i++)
            places[b * each + i] = (token_place){(uint64_t)segment, length % c->unroll + i};
    }
    assert(longest <= p->d->capacity);
    p->cached.first = first;
    p->step.places = places;
    return position_rings_reach(&p->step.kernel, &p->d->positions, p->d->attention, longest);
}

static sigmoe_status normalize(
    const row_pass *p, matrix x, const parameter *weight, const parameter *bias, matrix *normed) {
    layer_norm_call norm = {x, weight->value, bias->value, p->mean, p->rstd};
    TRY(matrix_new(p->step.kernel.scratch, p->step.operands, x.rows, x.cols, normed));
    return layer_norm_forward(&p->step.kernel, &norm, *normed);
}

static sigmoe_status run_layer(row_pass *p, const layer_parts *layer) {
    const kernel_context *kernel = &p->step.kernel;
    matrix normed;
    void *saved;
    TRY(attention_cached_forward(&layer->attention, &p->step, &p->cached, p->x, p->middle));
    add_into(kernel, p->middle, p->x);
    TRY(normalize(p, p->middle, layer->norm_weight, layer->norm_bias, &normed));
    TRY(layer->ff.variant->forward(&layer->ff, &p->step, normed, p->x, &saved));
    add_into(kernel, p->x, p->middle);
    return SIGMOE_OK;
}

static sigmoe_status run_layers(row_pass *p) {
    const transformer *t = p->d->t;
    for (int i = 0; i < (int)t->config.n_layers; i++) {
        arena_mark mark = arena_here(p->step.kernel.scratch);
        sigmoe_status status = run_layer(p, &t->layers[i]);
        arena_release(p->step.kernel.scratch, mark);
        TRY(status);
    }
    return SIGMOE_OK;
}

// Logits of the last logits.rows rows.
static sigmoe_status output(const row_pass *p, matrix logits) {
    const transformer *t = p->d->t;
    matrix normed;
    matrix x = matrix_part(p->x, p->x.rows - logits.rows, logits.rows, 0, p->x.cols);
    TRY(normalize(p, x, t->final_weight, t->final_bias, &normed));
    return dense_gemm(&p->step.kernel, &(gemm_call){.transpose_b = true,
                                           .bias = t->head_bias->value,
                                           .a = normed,
                                           .b = parameter_operand(t->head_weight, p->step.operands),
                                           .c = logits});
}

// logits.rows may be 0: only the caches are wanted.
static sigmoe_status run_pass(row_pass *p, matrix logits) {
    const transformer *t = p->d->t;
    arena *a = p->step.activations;
    int64_t n = p->step.length * p->step.batch, d = t->config.d_model;
    TRY(place_rows(p, n / p->cached.texts));
    TRY(matrix_new(a, TYPE_REAL, n, d, &p->x));
    TRY(matrix_new(a, TYPE_REAL, n, d, &p->middle));
    TRY(ARENA_NEW_RAW(a, p->mean, n));
    TRY(ARENA_NEW_RAW(a, p->rstd, n));
    embedding_forward(
        &p->step.kernel, parameter_matrix(t->embedding, t->embedding->value), p->step.tokens, p->x);
    TRY(run_layers(p));
    return logits.rows > 0 ? output(p, logits) : SIGMOE_OK;
}

static sigmoe_status pass_rows(decoder *d, text_cache *const *caches, int64_t texts, const int32_t *tokens,
    int64_t count, matrix logits) {
    const workspace *w = d->work;
    row_pass p = {.d = d,
        .step = {.kernel = w->kernel,
            .activations = w->activations,
            .operands = d->t->operands,
            .tokens = tokens,
            .batch = texts,
            .length = count / texts},
        .cached = {.texts = texts, .caches = caches, .positions = &d->positions}};
    arena_mark activations = arena_here(w->activations), scratch = arena_here(w->kernel.scratch);
    sigmoe_status status = run_pass(&p, logits);
    arena_release(w->activations, activations);
    arena_release(w->kernel.scratch, scratch);
    if (status == SIGMOE_OK)
        for (int64_t b = 0; b < texts; b++) text_cache_advance(caches[b], count / texts);
    return status;
}

sigmoe_status decoder_feed(
    decoder *d, text_cache *cache, const int32_t *tokens, int64_t count, matrix logits) {
    int64_t unroll = d->t->config.unroll;
    assert(count > 0 && (logits.rows == count || logits.rows == 1));
    for (int64_t at = 0; at < count;) {
        int64_t n = least(count - at, unroll - text_cache_length(cache) % unroll), wanted = n;
        if (logits.rows < count) wanted = at + n == count;
        matrix part = matrix_part(logits, logits.rows < count ? 0 : at, wanted, 0, logits.cols);
        TRY(pass_rows(d, &cache, 1, tokens + at, n, part));
        at += n;
    }
    return SIGMOE_OK;
}

sigmoe_status decoder_step(
    decoder *d, text_cache *const *caches, const int32_t *tokens, int64_t texts, matrix logits) {
    assert(texts > 0 && texts <= DECODER_TEXTS && logits.rows == texts);
    return pass_rows(d, caches, texts, tokens, texts, logits);
}
