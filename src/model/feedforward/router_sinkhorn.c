// S-BASE (Clark et al. 2022): in training, experts are ranked by logits that Sinkhorn's normalization has adjusted to give each
// expert the same share of the batch. The weight is σ of the raw logit; no gradient passes through the normalization.
#include "model/feedforward/router_weights.h"

#include <string.h>

enum { ITERATIONS = 3, BLOCK = 256 }; // tokens of a block of partial sums

// log Σ exp, as a running sum relative to the largest term so far.
typedef struct log_sum {
    double highest, sum;
} log_sum;

static void log_sum_add(log_sum *s, double value) {
    if (value <= s->highest) {
        s->sum += exp(value - s->highest);
    } else {
        s->sum = s->sum * exp(s->highest - value) + 1;
        s->highest = value;
    }
}

static const log_sum log_sum_empty = {-INFINITY, 0};
static double log_sum_value(const log_sum *s) {
    return s->highest + log(s->sum);
}

typedef struct sinkhorn_work {
    const routing *r;
    const double *beta; // [N_E]
    log_sum *partial;   // [blocks, N_E]: over the block's tokens, of r + α
} sinkhorn_work;

static double alpha_of(const sinkhorn_work *work, const real *logits) {
    log_sum sum = log_sum_empty;
    for (int64_t e = 0; e < work->r->experts; e++) log_sum_add(&sum, (double)logits[e] + work->beta[e]);
    return -log_sum_value(&sum);
}

static void sum_block(void *context, int64_t block, int thread) {
    (void)thread;
    const sinkhorn_work *work = context;
    const routing *r = work->r;
    log_sum *partial = work->partial + block * r->experts;
    int64_t end = (block + 1) * BLOCK < r->tokens ? (block + 1) * BLOCK : r->tokens;
    for (int64_t e = 0; e < r->experts; e++) partial[e] = log_sum_empty;
    for (int64_t t = block * BLOCK; t < end; t++) {
        const real *logits = matrix_real(r->logits) + t * r->logits.stride;
        double alpha = alpha_of(work, logits);
        for (int64_t e = 0; e < r->experts; e++) log_sum_add(&partial[e], (double)logits[e] + alpha);
    }
}

static log_sum join(log_sum a, log_sum b) {
    double highest = a.highest > b.highest ? a.highest : b.highest;
    return (log_sum){highest, a.sum * exp(a.highest - highest) + b.sum * exp(b.highest - highest)};
}

static log_sum join_all(const log_sum *partial, int64_t count, int64_t experts, int64_t e) {
    log_sum sum = log_sum_empty;
    for (int64_t i = 0; i < count; i++) sum = join(sum, partial[i * experts + e]);
    return sum;
}

_Static_assert(sizeof(log_sum) == 2 * sizeof(double), "log sums are exchanged as pairs of numbers");

// Sums over the step's tokens, then over the parts of the batch.
static sigmoe_status iterate(const step_context *step, sinkhorn_work *work, double *beta) {
    const routing *r = work->r;
    arena *scratch = step->kernel.scratch;
    int64_t blocks = divide_up(r->tokens, BLOCK), parts;
    const double *all;
    log_sum *own;
    TRY(ARENA_NEW_RAW(scratch, own, r->experts));
    parallel_for(step->kernel.threads, blocks, sum_block, work);
    for (int64_t e = 0; e < r->experts; e++) own[e] = join_all(work->partial, blocks, r->experts, e);
    TRY(whole_batch_gather(step->whole, &own->highest, 2 * r->experts, scratch, &parts, &all));
    double target = log((double)step_all_tokens(step, r->tokens) / (double)r->experts);
    for (int64_t e = 0; e < r->experts; e++) {
        log_sum sum = join_all((const log_sum *)all, parts, r->experts, e);
        beta[e] = target - log_sum_value(&sum);
    }
    return SIGMOE_OK;
}

static sigmoe_status find_beta(const step_context *step, sinkhorn_work *work, double *beta) {
    TRY(ARENA_NEW_RAW(
        step->kernel.scratch, work->partial, divide_up(work->r->tokens, BLOCK) * work->r->experts));
    for (int i = 0; i < ITERATIONS; i++) TRY(iterate(step, work, beta));
    return SIGMOE_OK;
}

static void shift_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const sinkhorn_work *work = context;
    const routing *r = work->r;
    for (int64_t t = first; t < last; t++) {
        const real *logits = matrix_real(r->logits) + t * r->logits.stride;
        real *scores = matrix_real(r->scores) + t * r->scores.stride;
        for (int64_t e = 0; e < r->experts; e++) scores[e] = (real)((double)logits[e] + work->beta[e]);
    }
}

static sigmoe_status score(const router_call *call, routing *r) {
    const step_context *step = call->step;
    if (!step->training) return SIGMOE_OK;
    const kernel_context *kernel = &step->kernel;
    double *found = step->whole ? step->whole->layers[call->layer->layer].bias : NULL;
    size_t bytes = (size_t)r->experts * sizeof(double);
    TRY(matrix_new(call->home, TYPE_REAL, r->tokens, r->experts, &r->scores));
    arena_mark mark = arena_here(kernel->scratch);
    sigmoe_status status;
    sinkhorn_work work = {.r = r};
    double *beta;
    TRY_OR(done, ARENA_NEW(kernel->scratch, beta, r->experts));
    work.beta = beta;
    if (found && step->whole->known)
        memcpy(beta, found, bytes);
    else
        TRY_OR(done, find_beta(step, &work, beta));
    if (found) memcpy(found, beta, bytes);
    for_row_blocks(kernel->threads, r->tokens, shift_rows, &work);
done:
    arena_release(kernel->scratch, mark);
    return status;
}

static void weigh(const token_choice *t) {
    for (int64_t k = 0; k < t->slots; k++)
        t->weight[k] = is_dropped(t, t->chosen[k]) ? 0 : logistic(t->logits[t->chosen[k]]);
}

const router router_sinkhorn = {
    .tensors = 1,
    .learned = true,
    .expert_dropout = true,
    .looks_at_batch = true,
    .score = score,
    .weigh = weigh,
    .weigh_backward = logistic_weights_backward,
};
