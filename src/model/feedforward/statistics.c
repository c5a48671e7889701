#include "model/feedforward/statistics.h"

#include "base/random.h"

#include <string.h>

static sigmoe_status create_details(arena *a, int64_t n, ff_layer_statistics *layer) {
    int64_t offers;
    if (!size_product(&offers, n, FF_OCCASIONS))
        return fail(SIGMOE_NO_MEMORY, "no memory for what experts fire on");
    if (n <= FF_MOST_PAIRED) TRY(ARENA_NEW(a, layer->together, n * n));
    TRY(ARENA_NEW(a, layer->occasion, offers));
    for (int64_t i = 0; i < offers; i++) layer->occasion[i].position = -1;
    return SIGMOE_OK;
}

static sigmoe_status create_layer(
    arena *a, const ff_statistics *s, ff_detail detail, ff_layer_statistics *layer) {
    int64_t n = s->experts;
    TRY(ARENA_NEW(a, layer->fired, s->channels));
    if (n == 0) return SIGMOE_OK;
    TRY(ARENA_NEW(a, layer->weight, n));
    TRY(ARENA_NEW(a, layer->chosen, n));
    return detail == FF_DETAILS ? create_details(a, n, layer) : SIGMOE_OK;
}

sigmoe_status ff_statistics_create(arena *a, const ff_variant *variant, const ff_options *options,
    int64_t layers, ff_detail detail, ff_statistics **out) {
    ff_statistics *s;
    TRY(ARENA_NEW(a, s, 1));
    s->layers = layers;
    s->channels = variant->channels(options);
    if (variant->experts) s->experts = variant->experts(options, &s->has_logits);
    TRY(ARENA_NEW(a, s->seen, s->channels));
    TRY(ARENA_NEW(a, s->layer, layers));
    for (int64_t i = 0; i < layers; i++) TRY(create_layer(a, s, detail, &s->layer[i]));
    *out = s;
    return SIGMOE_OK;
}

static ff_layer_statistics *layer_of(const ff_layer *layer, const step_context *step) {
    return step->statistics ? &step->statistics->layer[layer->layer - step->statistics->first_layer] : NULL;
}

static void count_token(ff_layer_statistics *s, int64_t active) {
    s->tokens++;
    s->active += (double)active;
    s->active_squares += (double)active * (double)active;
}

// ---------------------------------------------------------------- blocks with one row of channels per token

void observe_channels(const ff_layer *layer, const step_context *step, matrix u) {
    ff_layer_statistics *s = layer_of(layer, step);
    if (!s) return;
    THREADS_PART(step->kernel.threads, "statistics");
    for (int64_t t = 0; t < u.rows; t++) {
        int64_t active = 0;
        for (int64_t i = 0; i < u.cols; i++) {
            bool fires = matrix_at(u, t, i) > 0;
            s->fired[i] += fires;
            active += fires;
        }
        count_token(s, active);
    }
}

void observe_found_channels(const ff_layer *layer, const step_context *step, matrix u, const int32_t *index) {
    ff_layer_statistics *s = layer_of(layer, step);
    if (!s) return;
    THREADS_PART(step->kernel.threads, "statistics");
    int64_t *seen = step->statistics->seen;
    memset(seen, 0, (size_t)step->statistics->channels * sizeof *seen);
    for (int64_t t = 0; t < u.rows; t++) {
        const real *row = matrix_real(u) + t * u.stride;
        int64_t active = 0;
        for (int64_t i = 0; i < u.cols; i++) {
            int32_t channel = index[t * u.cols + i];
            if (!(row[i] > 0) || seen[channel] == t + 1) continue;
            seen[channel] = t + 1;
            s->fired[channel]++;
            active++;
        }
        count_token(s, active);
    }
}

// ---------------------------------------------------------------- experts

// Counts channels of the pair's expert that are above 0 when summed: none if their weight or mask is 0.
static int64_t count_pair(
    ff_layer_statistics *s, const expert_ffn_call *experts, int64_t pair, int32_t expert) {
    int64_t G = experts->set.expert_size, position = experts->grouping->position[pair], active = 0;
    if (!(experts->weight[pair] > 0)) return 0;
    for (int64_t g = 0; g < G; g++) {
        bool fires = matrix_at(experts->hidden, position, g) > 0 &&
                     (!experts->mask || experts->mask[position * G + g] != 0);
        s->fired[expert * G + g] += fires;
        active += fires;
    }
    return active;
}

static void count_choice(ff_layer_statistics *s, const routing *r, int64_t t) {
    const int32_t *chosen = r->chosen + t * r->slots;
    for (int64_t i = 0; i < r->slots; i++) {
        s->weight[chosen[i]] += (double)r->weight[t * r->slots + i];
        s->chosen[chosen[i]]++;
        for (int64_t j = 0; s->together && j < r->slots; j++)
            if (j != i) s->together[chosen[i] * r->experts + chosen[j]]++;
    }
}

// Some routers give all tokens equal weights. Ties are then broken by a reproducible pseudo-random order, so that a list
// samples the whole text rather than its beginning.
static bool outranks(const ff_occasion *a, const ff_occasion *b) {
    if (b->position < 0) return true;
    if (a->weight != b->weight) return a->weight > b->weight;
    random_stream chance = {.purpose = RANDOM_DATA};
    uint32_t x = random_bits(chance, (uint64_t)a->position), y = random_bits(chance, (uint64_t)b->position);
    return x != y ? x < y : a->position < b->position;
}

// Keeps `list` sorted. A token id that is already listed keeps its better occasion.
static void offer_occasion(ff_occasion list[FF_OCCASIONS], ff_occasion offer) {
    int at = FF_OCCASIONS - 1;
    for (int i = 0; i < FF_OCCASIONS && list[i].position >= 0; i++)
        if (list[i].token == offer.token) at = i;
    if (!outranks(&offer, &list[at])) return;
    for (; at > 0 && outranks(&offer, &list[at - 1]); at--) list[at] = list[at - 1];
    list[at] = offer;
}

static void offer_choice(ff_layer_statistics *s, const step_context *step, const routing *r, int64_t t) {
    const ff_statistics *all = step->statistics;
    int64_t position = t / step->length * all->stream + all->first + t % step->length;
    for (int64_t i = 0; i < r->slots; i++) {
        int64_t pair = t * r->slots + i;
        ff_occasion offer = {(double)r->weight[pair], position, step->tokens[t]};
        offer_occasion(s->occasion + (int64_t)r->chosen[pair] * FF_OCCASIONS, offer);
    }
}

// Entropy of softmax(r) in bits: log Σ exp r - Σ p r.
static double softmax_entropy(const real *logits, int64_t count) {
    double highest = (double)logits[0], sum = 0, weighted = 0;
    for (int64_t e = 1; e < count; e++) highest = fmax(highest, (double)logits[e]);
    for (int64_t e = 0; e < count; e++) {
        double shifted = (double)logits[e] - highest, likelihood = exp(shifted);
        sum += likelihood;
        weighted += likelihood * shifted;
    }
    return (log(sum) - weighted / sum) / M_LN2;
}

void observe_experts(
    const ff_layer *layer, const step_context *step, const routing *r, const expert_ffn_call *experts) {
    ff_layer_statistics *s = layer_of(layer, step);
    if (!s) return;
    THREADS_PART(step->kernel.threads, "statistics");
    for (int64_t t = 0; t < r->tokens; t++) {
        int64_t active = 0;
        for (int64_t pair = t * r->slots; pair < (t + 1) * r->slots; pair++)
            active += count_pair(s, experts, pair, r->chosen[pair]);
        count_token(s, active);
        count_choice(s, r, t);
        if (s->occasion) offer_choice(s, step, r, t);
        if (r->logits.data)
            s->token_entropy += softmax_entropy(matrix_real(r->logits) + t * r->logits.stride, r->experts);
    }
}
