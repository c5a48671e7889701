#include "generate/sampling.h"

#include "base/random.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/top_k/top_k.h"

#include <stdlib.h>

sigmoe_status sampling_check(const sampling *s) {
    if (!(s->temperature >= 0) || !isfinite(s->temperature))
        return fail(SIGMOE_BAD_ARGUMENT,
            "`temperature` is %g; it must be 0 (the most probable token) or more", s->temperature);
    if (s->top_k < 0)
        return fail(
            SIGMOE_BAD_ARGUMENT, "`top_k` is %lld; it must be 0 (all tokens) or more", (long long)s->top_k);
    if (!(s->top_p > 0 && s->top_p <= 1))
        return fail(
            SIGMOE_BAD_ARGUMENT, "`top_p` is %g; it must be above 0, and at most 1 (all tokens)", s->top_p);
    if (!(s->min_p >= 0 && s->min_p <= 1))
        return fail(SIGMOE_BAD_ARGUMENT, "`min_p` is %g; it must be 0 (all tokens) to 1", s->min_p);
    if (!(s->repetition_penalty > 0) || !isfinite(s->repetition_penalty))
        return fail(SIGMOE_BAD_ARGUMENT, "`repetition_penalty` is %g; it must be above 0 (1: none)",
            s->repetition_penalty);
    return SIGMOE_OK;
}

static void penalize(real *logits, int64_t n, const uint8_t *seen, real penalty) {
    if (penalty == 1) return;
    for (int64_t i = 0; i < n; i++)
        if (seen[i]) logits[i] = logits[i] > 0 ? logits[i] / penalty : logits[i] * penalty;
}

// A NaN is never the highest.
static int32_t highest(const real *logits, int64_t n) {
    int32_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (logits[i] > logits[best] || isnan(logits[best])) best = (int32_t)i;
    return best;
}

static sigmoe_status keep_top_k(arena *a, real *logits, int64_t n, int64_t k) {
    int32_t *kept;
    real *value;
    if (k == 0 || k >= n) return SIGMOE_OK;
    TRY(ARENA_NEW_RAW(a, kept, k));
    TRY(ARENA_NEW_RAW(a, value, k));
    top_k_row(logits, n, k, kept);
    for (int64_t i = 0; i < k; i++) value[i] = logits[kept[i]];
    for (int64_t i = 0; i < n; i++) logits[i] = -(real)INFINITY;
    for (int64_t i = 0; i < k; i++) logits[kept[i]] = value[i];
    return SIGMOE_OK;
}

typedef struct candidate {
    real probability;
    int32_t token;
} candidate;

static int more_probable_first(const void *left, const void *right) {
    const candidate *a = left, *b = right;
    if (a->probability != b->probability) return a->probability > b->probability ? -1 : 1;
    return a->token < b->token ? -1 : 1;
}

// Only tokens that can be among those kept are sorted: all with less than an n-th of what is cut off have, together, less than
// that.
static sigmoe_status keep_top_p(arena *a, real *p, int64_t n, double share) {
    candidate *sorted;
    int64_t count = 0, kept = 0;
    double sum = 0, least_probable = (1 - share) / (double)n;
    if (share >= 1) return SIGMOE_OK;
    TRY(ARENA_NEW_RAW(a, sorted, n));
    for (int64_t i = 0; i < n; i++)
        if ((double)p[i] >= least_probable) sorted[count++] = (candidate){p[i], (int32_t)i};
    qsort(sorted, (size_t)count, sizeof *sorted, more_probable_first);
    while (kept < count && (kept == 0 || sum < share)) sum += (double)sorted[kept++].probability;
    for (int64_t i = 0; i < n; i++) p[i] = 0;
    for (int64_t i = 0; i < kept; i++) p[sorted[i].token] = sorted[i].probability;
    return SIGMOE_OK;
}

static void keep_min_p(real *p, int64_t n, double share) {
    real top = 0;
    if (share == 0) return;
    for (int64_t i = 0; i < n; i++)
        if (p[i] > top) top = p[i];
    for (int64_t i = 0; i < n; i++)
        if ((double)p[i] < share * (double)top) p[i] = 0;
}

static int32_t draw(const real *p, int64_t n, double u) {
    double total = 0, sum = 0;
    int32_t last = 0;
    for (int64_t i = 0; i < n; i++) total += (double)p[i];
    for (int64_t i = 0; i < n; i++) {
        sum += (double)p[i];
        if (p[i] > 0) last = (int32_t)i;
        if (sum > u * total) return (int32_t)i;
    }
    return last;
}

// FNV-1a.
uint64_t prompt_key(const int32_t *ids, int64_t count) {
    uint64_t key = 0xcbf29ce484222325;
    for (int64_t i = 0; i < count; i++)
        for (int byte = 0; byte < 4; byte++)
            key = (key ^ ((uint32_t)ids[i] >> 8 * byte & 0xff)) * 0x100000001b3;
    return key;
}

static sigmoe_status sample(
    const sampling *s, arena *a, real *logits, int64_t n, sampling_place place, int32_t *token) {
    // 0 is known to be a temperature apart; from tiny ones no infinity may arise.
    real top = logits[highest(logits, n)];
    for (int64_t i = 0; i < n; i++) logits[i] = (real)(((double)logits[i] - (double)top) / s->temperature);
    TRY(keep_top_k(a, logits, n, s->top_k));
    pointwise_chosen()->softmax(logits, n);
    TRY(keep_top_p(a, logits, n, s->top_p));
    keep_min_p(logits, n, s->min_p);
    random_stream stream = {.seed = s->seed, .step = place.prompt, .purpose = RANDOM_SAMPLING};
    *token = draw(logits, n, random_uniform(stream, (uint64_t)place.position));
    return SIGMOE_OK;
}

sigmoe_status sample_token(const sampling *s, arena *a, real *logits, int64_t vocabulary, const uint8_t *seen,
    sampling_place place, int32_t *token) {
    if (!all_finite(logits, vocabulary))
        return fail(SIGMOE_NOT_FINITE, "the model's logits are not finite: its weights overflow");
    penalize(logits, vocabulary, seen, (real)s->repetition_penalty);
    if (s->temperature == 0) {
        *token = highest(logits, vocabulary);
        return SIGMOE_OK;
    }
    arena_mark mark = arena_here(a);
    sigmoe_status status = sample(s, a, logits, vocabulary, place, token);
    arena_release(a, mark);
    return status;
}
