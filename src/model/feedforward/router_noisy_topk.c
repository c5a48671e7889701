// Shazeer et al. 2017: in training, normal noise with a learned width, softplus(W_noise x), is added to each logit.
#include "kernels/dense_gemm/dense_gemm.h"
#include "model/feedforward/router_weights.h"

enum { W_NOISE = 1 };

static sigmoe_status declare(
    const moe_options *options, const ff_surroundings *around, int layer, parameter_list *list) {
    return ff_declare(list, layer,
        (parameter_declaration){.name = "router.noise",
            .dims = 2,
            .shape = {options->n_experts, around->d_model},
            .init = INIT_ZERO,
            .product = true});
}

static double softplus(double x) {
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

typedef struct noise_work {
    random_stream stream;
    int64_t before; // tokens of the whole batch before these
    const routing *r;
    matrix slope; // [T, N_E]: W_noise x before, the derivative of the score by it after
    matrix dlogits;
} noise_work;

static void add_noise_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const noise_work *work = context;
    const routing *r = work->r;
    for (int64_t t = first; t < last; t++) {
        const real *logits = matrix_real(r->logits) + t * r->logits.stride;
        real *scores = matrix_real(r->scores) + t * r->scores.stride;
        real *slope = matrix_real(work->slope) + t * work->slope.stride;
        for (int64_t e = 0; e < r->experts; e++) {
            double noise = random_normal(work->stream, (uint64_t)((work->before + t) * r->experts + e));
            scores[e] = (real)((double)logits[e] + noise * softplus((double)slope[e]));
            slope[e] = (real)noise * logistic(slope[e]);
        }
    }
}

static sigmoe_status score(const router_call *call, routing *r) {
    step_context *step = call->step;
    if (!step->training) return SIGMOE_OK;
    matrix *slope;
    TRY(ARENA_NEW(call->home, slope, 1));
    TRY(matrix_new(call->home, TYPE_REAL, r->tokens, r->experts, slope));
    TRY(matrix_new(call->home, TYPE_REAL, r->tokens, r->experts, &r->scores));
    gemm_call width = {
        .transpose_b = true, .a = call->x, .b = ff_operand(call->layer, step, W_NOISE), .c = *slope};
    TRY(dense_gemm(&step->kernel, &width));
    noise_work work = {.stream = step_random(step, call->layer->layer, RANDOM_ROUTER_NOISE),
        .before = step_first_token(step),
        .r = r,
        .slope = *slope};
    for_row_blocks(step->kernel.threads, r->tokens, add_noise_rows, &work);
    r->own = slope;
    return SIGMOE_OK;
}

static void weigh(const token_choice *t) {
    softmax_over_chosen(t, t->scores);
}

static void slope_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const noise_work *work = context;
    for (int64_t t = first; t < last; t++) {
        const real *dlogits = matrix_real(work->dlogits) + t * work->dlogits.stride;
        real *slope = matrix_real(work->slope) + t * work->slope.stride;
        for (int64_t e = 0; e < work->slope.cols; e++) slope[e] *= dlogits[e];
    }
}

// The noisy logit's gradient is that of the raw logit and, times the slope, that of W_noise x.
static sigmoe_status backward(const router_call *call, const routing *r, matrix dlogits, matrix dx) {
    if (!r->own) return SIGMOE_OK;
    noise_work work = {.slope = *(matrix *)r->own, .dlogits = dlogits};
    for_row_blocks(call->step->kernel.threads, r->tokens, slope_rows, &work);
    return router_product_backward(call, W_NOISE, work.slope, dx);
}

const router router_noisy_topk = {
    .tensors = 2,
    .sum = WEIGHTS_SUM_TO_1_OVER_CHOSEN,
    .learned = true,
    .declare = declare,
    .score = score,
    .weigh = weigh,
    .weigh_backward = softmax_over_chosen_backward,
    .backward = backward,
};
