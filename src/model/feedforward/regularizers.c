#include "model/feedforward/regularizers.h"

#include "kernels/pointwise/pointwise.h"

#include <string.h>

// Statistics of each expert over the whole batch; first sums over tokens, one behind the other.
typedef struct expert_statistics {
    int64_t experts;
    double *probability; // p
    double *share;       // f
    double *importance;  // I
} expert_statistics;
enum { STATISTICS = 3 };

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
    for (int64_t t = 0; t < r->tokens; t++)
        for (int64_t slot = 0; slot < r->slots; slot++) {
            int32_t e = r->chosen[t * r->slots + slot];
            s->importance[e] += r->weight[t * r->slots + slot];
            if (!r->dropped || !r->dropped[t * r->experts + e]) s->share[e]++;
        }
}

static sigmoe_status sum_probabilities(
    const kernel_context *kernel, matrix probabilities, expert_statistics *s) {
    real *sum;
    TRY(ARENA_NEW(kernel->scratch, sum, s->experts));
    TRY(add_column_sums(kernel, probabilities, sum));
    for (int64_t e = 0; e < s->experts; e++) s->probability[e] = sum[e];
    return SIGMOE_OK;
}

// Sums over the step's tokens, then over the parts of the batch.
static sigmoe_status sum_all(
    const step_context *step, const routing *r, const regularization *g, expert_statistics *s) {
    count_choices(r, s);
    if (!g->of_weights) TRY(sum_probabilities(&step->kernel, g->probabilities, s));
    return whole_batch_sum(step->whole, s->probability, STATISTICS * s->experts, step->kernel.scratch);
}

// The sums become means.
static sigmoe_status find_statistics(const ff_layer *layer, const step_context *step, const routing *r,
    const regularization *g, expert_statistics *s) {
    double *found = step->whole ? step->whole->layers[layer->layer].counts : NULL;
    size_t bytes = (size_t)(STATISTICS * s->experts) * sizeof(double);
    TRY(ARENA_NEW(step->kernel.scratch, s->probability, STATISTICS * s->experts));
    s->share = s->probability + s->experts;
    s->importance = s->share + s->experts;
    if (found && step->whole->known)
        memcpy(s->probability, found, bytes);
    else
        TRY(sum_all(step, r, g, s));
    if (found) memcpy(found, s->probability, bytes);
    double pairs = (double)(g->tokens * r->slots);
    for (int64_t e = 0; e < s->experts; e++) s->share[e] /= pairs;
    for (int64_t e = 0; e < s->experts; e++) s->probability[e] /= (double)g->tokens;
    return SIGMOE_OK;
}

bool regularizer_applies(const moe_options *options) {
    return options->regularizer != REGULARIZER_NONE && options->regularizer_weight != 0;
}

sigmoe_status regularize(const ff_layer *layer, step_context *step, const routing *r, regularization *out) {
    const moe_options *options = &layer->options.moe;
    *out = (regularization){.active = step->training && regularizer_applies(options) && r->tokens > 0,
        .tokens = step_all_tokens(step, r->tokens)};
    if (!out->active) return SIGMOE_OK;
    THREADS_PART(step->kernel.threads, "regularizer");
    out->of_weights = options->regularizer == REGULARIZER_CV;
    arena *home = ff_home(step), *scratch = step->kernel.scratch;
    TRY(ARENA_NEW(home, out->slope, r->experts));
    if (!out->of_weights) {
        TRY(matrix_new(home, TYPE_REAL, r->tokens, r->experts, &out->probabilities));
        copy_into(&step->kernel, out->probabilities, r->logits);
        softmax_rows(&step->kernel, out->probabilities);
    }

    arena_mark mark = arena_here(scratch);
    sigmoe_status status;
    expert_statistics s = {.experts = r->experts};
    TRY_OR(done, find_statistics(layer, step, r, out, &s));
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
            dlogits[e] += (real)(p[e] * (slope[e] - expected) / (double)work->g->tokens);
    }
}

void regularize_logits(
    const kernel_context *kernel, const regularization *g, const routing *r, matrix dlogits) {
    if (!g->active || g->of_weights) return;
    THREADS_PART(kernel->threads, "regularizer");
    gradient_work work = {.g = g, .r = r, .dlogits = dlogits};
    for_row_blocks(kernel->threads, r->tokens, logit_rows, &work);
}
