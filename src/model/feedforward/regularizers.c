#include "model/feedforward/regularizers.h"

#include "kernels/pointwise/pointwise.h"

// Statistics of each expert over the whole batch.
typedef struct expert_statistics {
    int64_t experts;
    double *probability; // p
    double *share;       // f
    double *importance;  // I
} expert_statistics;

// Returns the value and sets slope [N_E] to its derivative with respect to p or I, both without γ.
typedef double regularizer_function(const expert_statistics *s, double *slope);

static double entropy(const expert_statistics *s, double *slope) {
    double sum = 0;
    for (int64_t e = 0; e < s->experts; e++) {
        double p = s->probability[e];
        if (p == 0) continue; // p log p -> 0; and no logit can move a probability that underflowed
        sum += p * log(p);
        slope[e] = log(p) + 1;
    }
    return sum;
}

static double weighted_shares(const expert_statistics *s, double factor, double *slope) {
    double sum = 0;
    for (int64_t e = 0; e < s->experts; e++) {
        slope[e] = factor * s->share[e];
        sum += slope[e] * s->probability[e];
    }
    return sum;
}

static double switch_sum(const expert_statistics *s, double *slope) {
    return weighted_shares(s, (double)s->experts, slope);
}

static double switch_mean(const expert_statistics *s, double *slope) {
    return weighted_shares(s, 1 / (double)s->experts, slope);
}

// If all are equal (or no expert has any weight), the derivative does not exist; 0 is used.
static double coefficient_of_variation(const expert_statistics *s, double *slope) {
    double n = (double)s->experts, mean = 0, variance = 0;
    for (int64_t e = 0; e < s->experts; e++) mean += s->importance[e] / n;
    for (int64_t e = 0; e < s->experts; e++) {
        double deviation = s->importance[e] - mean;
        variance += deviation * deviation / n;
    }
    double std = sqrt(variance);
    if (std == 0 || mean == 0) return 0;
    for (int64_t e = 0; e < s->experts; e++)
        slope[e] = ((s->importance[e] - mean) / (std * mean) - std / (mean * mean)) / n;
    return std / mean;
}

const char *const regularizer_names[] = {
    [REGULARIZER_NONE] = "none",
    [REGULARIZER_ENTROPY] = "entropy",
    [REGULARIZER_SWITCH] = "switch",
    [REGULARIZER_SWITCH_MEAN] = "switch_mean",
    [REGULARIZER_CV] = "cv",
    NULL,
};
static regularizer_function *const functions[] = {
    [REGULARIZER_ENTROPY] = entropy,
    [REGULARIZER_SWITCH] = switch_sum,
    [REGULARIZER_SWITCH_MEAN] = switch_mean,
    [REGULARIZER_CV] = coefficient_of_variation,
};

static void count_choices(const routing *r, expert_statistics *s) {
    double pairs = (double)(r->tokens * r->slots);
    for (int64_t t = 0; t < r->tokens; t++)
        for (int64_t slot = 0; slot < r->slots; slot++) {
            int32_t e = r->chosen[t * r->slots + slot];
            s->importance[e] += r->weight[t * r->slots + slot];
            if (!r->dropped || !r->dropped[t * r->experts + e]) s->share[e]++;
        }
    for (int64_t e = 0; e < r->experts; e++) s->share[e] /= pairs;
}

static sigmoe_status average_probabilities(
    const kernel_context *kernel, const routing *r, matrix probabilities, expert_statistics *s) {
    copy_into(kernel, probabilities, r->logits);
    softmax_rows(kernel, probabilities);
    real *sum;
    TRY(ARENA_NEW(kernel->scratch, sum, r->experts));
    TRY(add_column_sums(kernel, probabilities, sum));
    for (int64_t e = 0; e < r->experts; e++) s->probability[e] = sum[e] / (double)r->tokens;
    return SIGMOE_OK;
}

sigmoe_status regularize(
    const moe_options *options, step_context *step, const routing *r, regularization *out) {
    *out = (regularization){.active = step->training && options->regularizer != REGULARIZER_NONE &&
                                      options->regularizer_weight != 0 && r->tokens > 0};
    if (!out->active) return SIGMOE_OK;
    THREADS_PART(step->kernel.threads, "regularizer");
    out->of_weights = options->regularizer == REGULARIZER_CV;
    arena *home = ff_home(step), *scratch = step->kernel.scratch;
    TRY(ARENA_NEW(home, out->slope, r->experts));
    if (!out->of_weights) TRY(matrix_new(home, TYPE_REAL, r->tokens, r->experts, &out->probabilities));

    arena_mark mark = arena_here(scratch);
    sigmoe_status status;
    expert_statistics s = {.experts = r->experts};
    TRY_OR(done, ARENA_NEW(scratch, s.probability, r->experts));
    TRY_OR(done, ARENA_NEW(scratch, s.share, r->experts));
    TRY_OR(done, ARENA_NEW(scratch, s.importance, r->experts));
    count_choices(r, &s);
    if (!out->of_weights) TRY_OR(done, average_probabilities(&step->kernel, r, out->probabilities, &s));
    double gamma = options->regularizer_weight;
    step->regularizer += gamma * functions[options->regularizer](&s, out->slope);
    for (int64_t e = 0; e < r->experts; e++) out->slope[e] *= gamma;
done:
    arena_release(scratch, mark);
    return status;
}

typedef struct gradient_work {
    const regularization *g;
    const routing *r;
    real *dweight;
    matrix dlogits;
} gradient_work;

// The weight of a dropped pair is the constant 0, so what is added for it here has no effect.
static void weight_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const gradient_work *work = context;
    int64_t slots = work->r->slots;
    for (int64_t p = first * slots; p < last * slots; p++)
        work->dweight[p] += (real)work->g->slope[work->r->chosen[p]];
}

void regularize_weights(
    const kernel_context *kernel, const regularization *g, const routing *r, real *dweight) {
    if (!g->active || !g->of_weights) return;
    THREADS_PART(kernel->threads, "regularizer");
    gradient_work work = {.g = g, .r = r, .dweight = dweight};
    for_row_blocks(kernel->threads, r->tokens, weight_rows, &work);
}

// Backward through the mean over tokens and each token's softmax.
static void logit_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const gradient_work *work = context;
    const routing *r = work->r;
    const double *slope = work->g->slope;
    for (int64_t t = first; t < last; t++) {
        const real *p = matrix_real(work->g->probabilities) + t * work->g->probabilities.stride;
        real *dlogits = matrix_real(work->dlogits) + t * work->dlogits.stride;
        double expected = 0;
        for (int64_t e = 0; e < r->experts; e++) expected += (double)p[e] * slope[e];
        for (int64_t e = 0; e < r->experts; e++)
            dlogits[e] += (real)(p[e] * (slope[e] - expected) / (double)r->tokens);
    }
}

void regularize_logits(
    const kernel_context *kernel, const regularization *g, const routing *r, matrix dlogits) {
    if (!g->active || g->of_weights) return;
    THREADS_PART(kernel->threads, "regularizer");
    gradient_work work = {.g = g, .r = r, .dlogits = dlogits};
    for_row_blocks(kernel->threads, r->tokens, logit_rows, &work);
}
