// A single feedforward block with random inputs and weights, for tests of src/model/feedforward.
#pragma once

#include "model/feedforward/router_names.h"
#include "model/feedforward/feedforward.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK_VOCABULARY = 11 };

typedef struct block {
    arena *memory; // holds the buffers below
    parameter_list *list;
    ff_layer layer;
    step_context step;
    void *saved;
    matrix x, y, dy, dx; // [T, d]
} block;

static inline void must(sigmoe_status status) {
    if (status != SIGMOE_OK) fail_msg("%s", sigmoe_message());
}

// Numbers that depend only on `key` and the position.
static inline void block_fill(real *x, int64_t count, double std, uint64_t key) {
    random_stream stream = {.seed = 5, .step = key, .layer = 0, .purpose = RANDOM_TEST};
    for (int64_t i = 0; i < count; i++) x[i] = (real)(std * random_normal(stream, (uint64_t)i));
}

// Draws inputs and weights that exercise every path: logits are spread out, and nothing is zero.
static inline void block_draw(block *b, uint64_t draw) {
    double d = (double)b->x.cols;
    block_fill(matrix_real(b->x), b->x.rows * b->x.cols, 1, 1000 * draw);
    block_fill(matrix_real(b->dy), b->dy.rows * b->dy.cols, 1, 1000 * draw + 1);
    parameters_initialize(&b->step.kernel, b->list, draw);
    for (int i = 0; i < parameters_length(b->list); i++) {
        parameter *p = parameters_at(b->list, i);
        if (p->trainable) block_fill(p->value, p->count, 1 / sqrt(d), 1000 * draw + 2 + (uint64_t)i);
    }
}

static inline block block_open(
    const ff_variant *variant, ff_options options, ff_surroundings around, int64_t tokens, int workers) {
    block b = {0};
    must(cpu_init());
    must(variant->check(&options, &around));
    must(arena_create("test", &b.memory));
    must(arena_create("activations", &b.step.activations));
    must(arena_create("scratch", &b.step.kernel.scratch));
    must(threads_create(workers, &b.step.kernel.threads));
    must(parameters_create(&b.list));
    must(parameters_declare(
        b.list, &(parameter_declaration){.name = "before", .dims = 1, .shape = {1}, .init = INIT_ONE}, NULL));
    b.layer = (ff_layer){variant, options, around, 3, b.list, 1};
    must(variant->declare(&options, &around, 3, b.list));
    must(parameters_allocate(b.list, STORE_GRADIENTS));
    matrix *const all[] = {&b.x, &b.y, &b.dy, &b.dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        must(matrix_new(b.memory, TYPE_REAL, tokens, around.d_model, all[i]));
    int32_t *ids;
    must(ARENA_NEW(b.memory, ids, tokens));
    for (int64_t t = 0; t < tokens; t++) ids[t] = (int32_t)(t * 7 % BLOCK_VOCABULARY);
    b.step.tokens = ids;
    b.step.batch = 1;
    b.step.length = tokens;
    b.step.training = b.step.keep = true;
    b.step.seed = 17;
    b.step.step = 2;
    block_draw(&b, 1);
    return b;
}

static inline void block_close(block *b) {
    parameters_destroy(b->list);
    threads_destroy(b->step.kernel.threads);
    arena_destroy(b->step.kernel.scratch);
    arena_destroy(b->step.activations);
    arena_destroy(b->memory);
}

static inline parameter *block_tensor(const block *b, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "layers.3.ff.%s", name);
    return parameters_find(b->list, path);
}

// Computes y and the regularizer; what the backward pass needs stays until block_release.
static inline void block_forward(block *b) {
    b->step.regularizer = 0;
    must(b->layer.variant->forward(&b->layer, &b->step, b->x, b->y, &b->saved));
}

static inline void block_release(block *b) {
    static const arena_mark empty;
    arena_release(b->step.activations, empty);
    assert_int_equal(arena_bytes(b->step.kernel.scratch), 0); // everything borrowed was returned
}

// Computes the gradients of Σ y ⊙ dy + regularizer; the parameters' gradients start at 0.
static inline void block_backward(block *b) {
    parameters_zero_gradients(&b->step.kernel, b->list);
    must(b->layer.variant->backward(&b->layer, &b->step, b->saved, b->x, b->dy, b->dx));
}

static inline double block_objective(block *b) {
    block_forward(b);
    double sum = b->step.regularizer;
    for (int64_t i = 0; i < b->y.rows * b->y.cols; i++)
        sum += (double)matrix_real(b->y)[i] * (double)matrix_real(b->dy)[i];
    block_release(b);
    return sum;
}

static inline ff_surroundings block_around(int64_t d_model, double dropout) {
    return (ff_surroundings){d_model, 4, BLOCK_VOCABULARY, dropout};
}

static inline ff_options moe_block(const char *name, int64_t experts, int64_t size, int64_t k) {
    return (ff_options){
        .moe = {.n_experts = experts, .expert_size = size, .k = k, .router = moe_router_named(name)}};
}
