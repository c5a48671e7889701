// S-BASE (Clark et al. 2022): in training, experts are ranked by logits that Sinkhorn's normalization has adjusted to give each
// expert the same share of the batch. The weight is σ of the raw logit; no gradient passes through the normalization.
#include "model/feedforward/router_weights.h"

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

static void iterate(threads *pool, sinkhorn_work *work, double *beta) {
    const routing *r = work->r;
    int64_t blocks = block_count(r->tokens, BLOCK);
    parallel_for(pool, blocks, sum_block, work);
    double target = log((double)r->tokens / (double)r->experts);
    for (int64_t e = 0; e < r->experts; e++) {
        log_sum sum = log_sum_empty;
        for (int64_t block = 0; block < blocks; block++) {
            const log_sum *partial = &work->partial[block * r->experts + e];
            double highest = partial->highest > sum.highest ? partial->highest : sum.highest;
            sum.sum = sum.sum * exp(sum.highest - highest) + partial->sum * exp(partial->highest - highest);
            sum.highest = highest;
        }
        beta[e] = target - log_sum_value(&sum);
    }
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
    if (!call->step->training) return SIGMOE_OK;
    const kernel_context *kernel = &call->step->kernel;
    TRY(matrix_new(call->home, TYPE_REAL, r->tokens, r->experts, &r->scores));
    arena_mark mark = arena_here(kernel->scratch);
    sigmoe_status status;
    sinkhorn_work work = {.r = r};
    double *beta;
    TRY_OR(done, ARENA_NEW(kernel->scratch, beta, r->experts));
    TRY_OR(done, ARENA_NEW_RAW(kernel->scratch, work.partial, block_count(r->tokens, BLOCK) * r->experts));
    work.beta = beta;
    for (int i = 0; i < ITERATIONS; i++) iterate(kernel->threads, &work, beta);
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
    .score = score,
    .weigh = weigh,
    .weigh_backward = logistic_weights_backward,
};
