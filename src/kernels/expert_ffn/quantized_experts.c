#include "kernels/expert_ffn/quantized_experts.h"

#include "base/quantization.h"
#include "kernels/dense_gemm/few_rows.h"

#include <assert.h>
#include <string.h>

enum { LINE_COLUMNS = 64 }; // of weights: a cache line

// ---------------------------------------------------------------- many tokens

typedef struct widening {
    const expert_grouping *grouping;
    matrix from, to; // [experts * rows of each, columns]
} widening;

// Those of experts without tokens stay undefined.
static void widen_expert(void *context, int64_t expert, int thread) {
    (void)thread;
    const widening *w = context;
    int64_t rows = w->from.rows / w->grouping->experts;
    if (w->grouping->offset[expert] == w->grouping->offset[expert + 1]) return;
    matrix part = matrix_part(w->from, expert * rows, rows, 0, w->from.cols);
    dequantize_rows(part.data, part.scale, rows, part.cols, matrix_row(w->to, expert * rows));
}

static sigmoe_status widen(
    const kernel_context *context, const expert_grouping *grouping, matrix from, matrix *to) {
    TRY(matrix_new(context->scratch, TYPE_REAL, from.rows, from.cols, to));
    parallel_for(context->threads, grouping->experts, widen_expert, &(widening){grouping, from, *to});
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- few tokens

static bool are_few(const expert_ffn_call *call) {
    const expert_grouping *g = call->grouping;
    const gemm_call alone = {.b = call->set.up, .c = {.rows = 1}};
    for (int64_t e = 0; e < g->experts; e++)
        if (g->offset[e + 1] - g->offset[e] > FEW_ROWS) return false;
    return few_rows_serve(&alone);
}

// Products of all experts that have tokens, each of a few rows.
typedef struct few_experts {
    const expert_ffn_call *call;
    int64_t count, pieces, piece; // experts; of how many columns, each of `piece`
    few_rows_product *products;   // [count]
    matrix sums;                  // down: [served, v], by sorted position
    matrix y;
} few_experts;

// The experts in use, ascending, and room for their products.
static sigmoe_status take_products(const kernel_context *context, few_experts *f, int64_t **experts) {
    const expert_grouping *g = f->call->grouping;
    TRY(ARENA_NEW_RAW(context->scratch, *experts, most(g->experts, 1)));
    for (int64_t e = 0; e < g->experts; e++)
        if (g->offset[e + 1] > g->offset[e]) (*experts)[f->count++] = e;
    return ARENA_NEW_RAW(context->scratch, f->products, most(f->count, 1));
}

// The rows of x that an expert gets.
static sigmoe_status gather_rows(
    const kernel_context *context, const expert_ffn_call *call, int64_t expert, matrix *rows) {
    const expert_grouping *g = call->grouping;
    int64_t first = g->offset[expert];
    TRY(matrix_new(context->scratch, TYPE_REAL, g->offset[expert + 1] - first, call->x.cols, rows));
    for (int64_t i = 0; i < rows->rows; i++)
        memcpy(matrix_row(*rows, i), matrix_row(call->x, g->pair[first + i] / g->slots),
            (size_t)rows->cols * sizeof(real));
    return SIGMOE_OK;
}

// The hidden rows of an expert, weighted and masked.
static sigmoe_status weigh_rows(
    const kernel_context *context, const expert_ffn_call *call, int64_t expert, matrix *rows) {
    const expert_grouping *g = call->grouping;
    int64_t first = g->offset[expert], width = call->hidden.cols;
    TRY(matrix_new(context->scratch, TYPE_REAL, g->offset[expert + 1] - first, width, rows));
    for (int64_t i = 0; i < rows->rows; i++) {
        const real *hidden = matrix_row(call->hidden, first + i);
        const real *mask = call->mask ? call->mask + (first + i) * width : NULL;
        real *out = matrix_row(*rows, i), weight = call->weight[g->pair[first + i]];
        for (int64_t k = 0; k < width; k++) out[k] = weight * hidden[k] * (mask ? mask[k] : 1);
    }
    return SIGMOE_OK;
}

static sigmoe_status begin_up(const kernel_context *context, few_experts *f) {
    const expert_ffn_call *call = f->call;
    const expert_set *set = &call->set;
    int64_t *experts;
    TRY(take_products(context, f, &experts));
    for (int64_t i = 0; i < f->count; i++) {
        int64_t first = call->grouping->offset[experts[i]];
        gemm_call product = {
            .relu = true, .b = matrix_part(set->up, experts[i] * set->width, set->width, 0, set->up.cols)};
        TRY(gather_rows(context, call, experts[i], &product.a));
        product.c = matrix_part(call->hidden, first, product.a.rows, 0, call->hidden.cols);
        TRY(few_rows_begin(context, &product, &f->products[i]));
    }
    return SIGMOE_OK;
}

static sigmoe_status begin_down(const kernel_context *context, few_experts *f) {
    const expert_ffn_call *call = f->call;
    const expert_set *set = &call->set;
    int64_t *experts;
    TRY(take_products(context, f, &experts));
    TRY(matrix_new(context->scratch, TYPE_REAL, call->grouping->offset[set->experts], f->y.cols, &f->sums));
    for (int64_t i = 0; i < f->count; i++) {
        int64_t first = call->grouping->offset[experts[i]];
        gemm_call product = {
            .b = matrix_part(set->down, experts[i] * set->expert_size, set->expert_size, 0, set->down.cols)};
        TRY(weigh_rows(context, call, experts[i], &product.a));
        product.c = matrix_part(f->sums, first, product.a.rows, 0, f->sums.cols);
        TRY(few_rows_begin(context, &product, &f->products[i]));
    }
    return SIGMOE_OK;
}

// Pieces of whole cache lines. No sum depends on how columns are cut, so that the number of threads may matter.
static void cut_columns(few_experts *f, int64_t columns, int64_t pieces) {
    f->piece = round_up(most(divide_up(columns, pieces), 1), LINE_COLUMNS);
    f->pieces = divide_up(columns, f->piece);
}

static void run_up(void *context, int64_t task, int thread) {
    (void)thread;
    const few_experts *f = context;
    int64_t first = task % f->pieces * f->piece;
    few_rows_columns(&f->products[task / f->pieces], first, least(first + f->piece, f->call->hidden.cols));
}

// The sums of a token's slots, in their order.
static void add_slots(const few_experts *f, int64_t token, int64_t first, int64_t last) {
    const expert_grouping *g = f->call->grouping;
    real *y = matrix_row(f->y, token);
    for (int64_t c = first; c < last; c++) y[c] = 0;
    for (int64_t slot = 0; slot < g->slots; slot++) {
        int32_t position = g->position[token * g->slots + slot];
        if (position < 0) continue;
        const real *sums = matrix_row(f->sums, position);
        for (int64_t c = first; c < last; c++) y[c] += sums[c];
    }
}

static void run_down(void *context, int64_t piece, int thread) {
    (void)thread;
    const few_experts *f = context;
    int64_t first = piece * f->piece, last = least(first + f->piece, f->y.cols);
    for (int64_t i = 0; i < f->count; i++) few_rows_columns(&f->products[i], first, last);
    for (int64_t token = 0; token < f->y.rows; token++) add_slots(f, token, first, last);
}

static sigmoe_status few_up(const kernel_context *context, const expert_ffn_call *call) {
    few_experts f = {.call = call};
    TRY(begin_up(context, &f));
    if (f.count == 0) return SIGMOE_OK;
    cut_columns(&f, call->hidden.cols, divide_up(threads_count(context->threads), f.count));
    parallel_for(context->threads, f.count * f.pieces, run_up, &f);
    return SIGMOE_OK;
}

static sigmoe_status few_down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    few_experts f = {.call = call, .y = y};
    TRY(begin_down(context, &f));
    cut_columns(&f, y.cols, threads_count(context->threads));
    parallel_for(context->threads, f.pieces, run_down, &f);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- either

static void check_plain(const expert_ffn_call *call) {
    const expert_set *set = &call->set;
    assert(set->gate == SIGMOE_GATE_NONE && set->activation == SIGMOE_RELU);
    assert(set->layout == SIGMOE_EXPERTS_EDG && !set->up_bias.data && !set->down_bias.data);
    (void)set;
}

// The other matrix is not read.
static sigmoe_status up(const kernel_context *context, const expert_ffn_call *call) {
    expert_ffn_call wide = *call;
    if (are_few(call)) return few_up(context, call);
    TRY(widen(context, call->grouping, call->set.up, &wide.set.up));
    wide.set.down.type = TYPE_REAL;
    wide.set.down.data = NULL;
    return expert_ffn_up(context, &wide);
}

static sigmoe_status down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    expert_ffn_call wide = *call;
    if (are_few(call)) return few_down(context, call, y);
    TRY(widen(context, call->grouping, call->set.down, &wide.set.down));
    wide.set.up.type = TYPE_REAL;
    wide.set.up.data = NULL;
    return expert_ffn_down(context, &wide, y);
}

sigmoe_status quantized_experts_up(const kernel_context *context, const expert_ffn_call *call) {
    check_plain(call);
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = up(context, call);
    arena_release(context->scratch, mark);
    return status;
}

sigmoe_status quantized_experts_down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    check_plain(call);
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = down(context, call, y);
    arena_release(context->scratch, mark);
    return status;
}
