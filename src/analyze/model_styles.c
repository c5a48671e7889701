#include "analyze/model_styles.h"

#include "model/feedforward/router_names.h"

#include <string.h>

// The name of the paper's variant that a configuration is, or is nearest to.
static const char *variant_of(const model_config *m) {
    static const struct {
        const char *router, *one, *several; // with K = 1, and with more
    } mixtures[] = {{"sigmoid", "sigma-moe", "sigma-moe"}, {"softmax", "switch", "softmax"},
        {"softmax_topk", "softmax-renorm", "softmax-renorm"}, {"sinkhorn", "s-base", "s-base-k4"},
        {"noisy_topk", "noisy-topk", "noisy-topk"}};
    const char *type = m->variant->name;
    if (strcmp(type, "pkm") == 0) return m->ff.pkm.activation == PKM_SOFTMAX ? "pkm-softmax" : "pkm-relu";
    if (strcmp(type, "moe") != 0) return type;
    const char *router = moe_router_name(m->ff.moe.router);
    for (size_t i = 0; i < sizeof mixtures / sizeof *mixtures; i++)
        if (strcmp(mixtures[i].router, router) == 0)
            return m->ff.moe.k == 1 ? mixtures[i].one : mixtures[i].several;
    return router; // hash, random
}

sigmoe_status analysis_style(analysis *a) {
    const char **variants;
    TRY(ARENA_NEW(a->arena, variants, a->count));
    TRY(ARENA_NEW(a->arena, a->names, a->count));
    TRY(ARENA_NEW(a->arena, a->styles, a->count));
    for (int i = 0; i < a->count; i++) {
        variants[i] = variant_of(&a->models[i].config.model);
        a->names[i] = a->models[i].label;
    }
    row_styles_fill(variants, a->count, a->styles);
    return SIGMOE_OK;
}
