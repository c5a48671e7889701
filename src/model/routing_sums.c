#include "model/routing_sums.h"

sigmoe_status routing_sums_create(arena *a, const model_config *config, routing_sums **out) {
    const ff_variant *variant = config->variant;
    bool has_logits;
    *out = NULL;
    if (!variant->looks_at_batch || !variant->looks_at_batch(&config->ff)) return SIGMOE_OK;
    int64_t experts = variant->experts(&config->ff, &has_logits);
    routing_sums *sums;
    TRY(ARENA_NEW(a, sums, config->n_layers));
    for (int64_t i = 0; i < config->n_layers; i++) {
        TRY(ARENA_NEW(a, sums[i].bias, experts));
        TRY(ARENA_NEW(a, sums[i].counts, 3 * experts));
    }
    *out = sums;
    return SIGMOE_OK;
}
