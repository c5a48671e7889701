#include "model/feedforward/route.h"

#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/top_k/top_k.h"
#include "model/feedforward/router_weights.h"
#include "model/feedforward/routers.h"

#include <string.h>

enum { W_SEL = 0, PAIRS_PER_DRAW = 256 };

// Switch starts with small weights (Fedus et al. 2021) and does not equalize the rows.
static sigmoe_status declare_selection(
    const moe_options *options, const ff_surroundings *around, int layer, parameter_list *list) {
    bool is_switch = options->init == MOE_INIT_SWITCH;
    double std = ff_init_scale(around) / sqrt((double)around->d_model);
    return ff_declare(list, layer,
        (parameter_declaration){.name = "router.weight",
            .dims = 2,
            .shape = {options->n_experts, around->d_model},
            .init = is_switch ? INIT_NORMAL : INIT_EQUAL_ROWS,
            .init_scale = is_switch ? std * sqrt(0.1) : std,
            .product = true});
}

sigmoe_status router_declare(
    const moe_options *options, const ff_surroundings *around, int layer, parameter_list *list) {
    const router *kind = router_at(options->router);
    if (kind->learned) TRY(declare_selection(options, around, layer, list));
    return kind->declare ? kind->declare(options, around, layer, list) : SIGMOE_OK;
}

static bool has_fixed_weights(const moe_options *o) {
    weight_sum sum = router_at(o->router)->sum;
    return (sum == WEIGHTS_SUM_TO_1_OVER_ALL && o->n_experts == 1) ||
           (sum == WEIGHTS_SUM_TO_1_OVER_CHOSEN && o->k == 1);
}

// Equal shares of the pairs and a softmax's sum of 1 do not depend on the logits: a regularizer that depends on nothing else
// has no gradient.
static bool regularizer_teaches(const moe_options *o) {
    bool shares_vary = o->k < o->n_experts || o->expert_dropout > 0;
    if (o->regularizer_weight == 0 || o->n_experts == 1) return false;
    switch ((moe_regularizer)o->regularizer) {
    case REGULARIZER_NONE:
        return false;
    case REGULARIZER_ENTROPY:
        return true;
    case REGULARIZER_SWITCH:
    case REGULARIZER_SWITCH_MEAN:
        return shares_vary;
    case REGULARIZER_CV:
        return !has_fixed_weights(o);
    }
    return false;
}

router_teacher router_taught_by(const moe_options *o) {
    if (!router_at(o->router)->learned || !has_fixed_weights(o)) return TAUGHT_BY_LOSS;
    return regularizer_teaches(o) ? TAUGHT_BY_REGULARIZER : TAUGHT_BY_NOTHING;
}

static const router *router_of(const router_call *call) {
    return router_at(call->layer->options.moe.router);
}

typedef struct dropout_work {
    random_stream stream;
    int64_t before; // pairs of the whole batch before these
    double rate;
    int64_t experts;
    uint8_t *dropped; // [T, N_E]
} dropout_work;

static void drop_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const dropout_work *work = context;
    real factors[PAIRS_PER_DRAW];
    int64_t end = last * work->experts;
    for (int64_t p = first * work->experts; p < end; p += PAIRS_PER_DRAW) {
        int64_t n = end - p < PAIRS_PER_DRAW ? end - p : PAIRS_PER_DRAW;
        random_dropout(work->stream, (uint64_t)(work->before + p), n, work->rate, factors);
        for (int64_t i = 0; i < n; i++) work->dropped[p + i] = factors[i] == 0;
    }
}

static sigmoe_status drop_experts(const router_call *call, routing *r) {
    step_context *step = call->step;
    double rate = call->layer->options.moe.expert_dropout;
    if (!step->training || rate == 0) return SIGMOE_OK;
    TRY(ARENA_NEW_RAW(call->home, r->dropped, r->tokens * r->experts));
    dropout_work work = {step_random(step, call->layer->layer, RANDOM_EXPERT_DROPOUT),
        step_first_token(step) * r->experts, rate, r->experts, r->dropped};
    for_row_blocks(step->kernel.threads, r->tokens, drop_rows, &work);
    return SIGMOE_OK;
}

typedef struct ranking_work {
    const routing *r;
    matrix ranking; // the scores, -infinity for dropped pairs
} ranking_work;

static void rank_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const ranking_work *work = context;
    const routing *r = work->r;
    for (int64_t t = first; t < last; t++) {
        const real *scores = matrix_real(r->scores) + t * r->scores.stride;
        const uint8_t *dropped = r->dropped + t * r->experts;
        real *ranking = matrix_real(work->ranking) + t * work->ranking.stride;
        for (int64_t e = 0; e < r->experts; e++) ranking[e] = dropped[e] ? -(real)INFINITY : scores[e];
    }
}

static sigmoe_status choose_highest(const router_call *call, routing *r) {
    const kernel_context *kernel = &call->step->kernel;
    if (!r->dropped) return top_k_rows(kernel, r->scores, r->slots, r->chosen);
    arena_mark mark = arena_here(kernel->scratch);
    sigmoe_status status;
    ranking_work work = {.r = r};
    TRY_OR(done, matrix_new(kernel->scratch, TYPE_REAL, r->tokens, r->experts, &work.ranking));
    for_row_blocks(kernel->threads, r->tokens, rank_rows, &work);
    TRY_OR(done, top_k_rows(kernel, work.ranking, r->slots, r->chosen));
done:
    arena_release(kernel->scratch, mark);
    return status;
}

static token_choice choice_of(const routing *r, int64_t t) {
    return (token_choice){
        .experts = r->experts,
        .slots = r->slots,
        .logits = matrix_real(r->logits) + t * r->logits.stride,
        .scores = matrix_real(r->scores) + t * r->scores.stride,
        .dropped = r->dropped ? r->dropped + t * r->experts : NULL,
        .chosen = r->chosen + t * r->slots,
        .weight = r->weight + t * r->slots,
    };
}

typedef struct weight_work {
    const router *kind;
    const routing *r;
    const real *dweight;
    matrix dlogits;
} weight_work;

static void weigh_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const weight_work *work = context;
    for (int64_t t = first; t < last; t++) {
        token_choice choice = choice_of(work->r, t);
        work->kind->weigh(&choice);
    }
}

static void weigh_backward_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const weight_work *work = context;
    for (int64_t t = first; t < last; t++) {
        token_choice choice = choice_of(work->r, t);
        real *dlogits = matrix_real(work->dlogits) + t * work->dlogits.stride;
        work->kind->weigh_backward(&choice, work->dweight + t * work->r->slots, dlogits);
    }
}

sigmoe_status route(const router_call *call, routing *r) {
    const moe_options *options = &call->layer->options.moe;
    const kernel_context *kernel = &call->step->kernel;
    const router *kind = router_of(call);
    THREADS_PART(kernel->threads, "router");
    *r = (routing){.tokens = call->x.rows, .experts = options->n_experts, .slots = options->k};
    TRY(ARENA_NEW_RAW(call->home, r->chosen, r->tokens * r->slots));
    TRY(ARENA_NEW_RAW(call->home, r->weight, r->tokens * r->slots));
    if (!kind->learned) return kind->choose(call, r);

    TRY(matrix_new(call->home, TYPE_REAL, r->tokens, r->experts, &r->logits));
    gemm_call selection = {
        .transpose_b = true, .a = call->x, .b = ff_operand(call->layer, call->step, W_SEL), .c = r->logits};
    TRY(dense_gemm(kernel, &selection));
    r->scores = r->logits;
    if (kind->score) TRY(kind->score(call, r));
    TRY(drop_experts(call, r));
    TRY(choose_highest(call, r));
    weight_work work = {.kind = kind, .r = r};
    for_row_blocks(kernel->threads, r->tokens, weigh_rows, &work);
    return SIGMOE_OK;
}

sigmoe_status route_backward(
    const router_call *call, const routing *r, const regularization *regularizer, real *dweight, matrix dx) {
    const kernel_context *kernel = &call->step->kernel;
    const router *kind = router_of(call);
    if (!kind->learned) return SIGMOE_OK;
    THREADS_PART(kernel->threads, "router, backward");
    arena_mark mark = arena_here(kernel->scratch);
    sigmoe_status status;
    regularize_weights(kernel, regularizer, r, dweight);
    weight_work work = {.kind = kind, .r = r, .dweight = dweight};
    TRY_OR(done, matrix_new(kernel->scratch, TYPE_REAL, r->tokens, r->experts, &work.dlogits));
    fill(kernel, work.dlogits, 0);
    for_row_blocks(kernel->threads, r->tokens, weigh_backward_rows, &work);
    if (kind->backward) TRY_OR(done, kind->backward(call, r, work.dlogits, dx));
    regularize_logits(kernel, regularizer, r, work.dlogits);

    TRY_OR(done, router_product_backward(call, W_SEL, work.dlogits, dx));
done:
    arena_release(kernel->scratch, mark);
    return status;
}
