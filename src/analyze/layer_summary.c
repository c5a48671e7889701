#include "analyze/layer_summary.h"

#include <math.h>

sigmoe_status weight_shares(arena *a, const ff_statistics *s, int64_t layer, double **out) {
    double *share, sum = 0;
    TRY(ARENA_NEW(a, share, s->experts));
    for (int64_t e = 0; e < s->experts; e++) sum += s->layer[layer].weight[e];
    for (int64_t e = 0; e < s->experts; e++) share[e] = sum > 0 ? s->layer[layer].weight[e] / sum : 0;
    *out = share;
    return SIGMOE_OK;
}

static void summarize_experts(const ff_statistics *s, const ff_layer_statistics *l, layer_summary *out) {
    double sum = 0;
    for (int64_t e = 0; e < s->experts; e++) {
        sum += l->weight[e];
        out->dead_experts += l->chosen[e] == 0;
    }
    out->usage_entropy = out->largest_share = 0;
    for (int64_t e = 0; e < s->experts; e++) {
        double share = l->weight[e] / sum;
        if (!(share > 0)) continue;
        out->usage_entropy -= share * log2(share);
        out->largest_share = fmax(out->largest_share, share);
    }
    if (s->has_logits) out->token_entropy = l->token_entropy / (double)l->tokens;
}

layer_summary summarize_layer(const ff_statistics *s, int64_t layer) {
    const ff_layer_statistics *l = &s->layer[layer];
    double n = (double)l->tokens, mean = l->active / n;
    layer_summary out = {.active = mean,
        .deviation = sqrt(fmax(0, l->active_squares / n - mean * mean)),
        .channels = s->channels,
        .experts = s->experts,
        .usage_entropy = NAN,
        .token_entropy = NAN,
        .largest_share = NAN};
    for (int64_t i = 0; i < s->channels; i++) out.dead_channels += l->fired[i] == 0;
    if (s->experts > 0)
        summarize_experts(s, l, &out);
    else
        out.experts = out.dead_experts = -1;
    return out;
}
