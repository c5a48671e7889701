// Hash layers (Roller et al. 2021): a table, drawn at initialization and stored with the model, maps token ids to experts.
#include "model/feedforward/router_weights.h"

#include <inttypes.h>

enum { TABLE = 0 };

static sigmoe_status declare(
    const moe_options *options, const ff_surroundings *around, int layer, parameter_list *list) {
    return ff_declare(list, layer,
        (parameter_declaration){.name = "router.table",
            .dims = 2,
            .shape = {around->vocab_size, options->k},
            .init = INIT_DISTINCT_CHOICES,
            .init_scale = (double)options->n_experts,
            .is_table = true});
}

// The table may come from a file, so no entry is trusted.
static sigmoe_status check_entry(const routing *r, const int32_t *experts, int32_t token, const char *name) {
    for (int64_t k = 0; k < r->slots; k++) {
        if (experts[k] < 0 || experts[k] >= r->experts)
            return fail(SIGMOE_BAD_FORMAT,
                "%s sends token %" PRId32 " to expert %" PRId32 " of %" PRId64
                ": the model's file is damaged",
                name, token, experts[k], r->experts);
        for (int64_t other = 0; other < k; other++)
            if (experts[other] == experts[k])
                return fail(SIGMOE_BAD_FORMAT,
                    "%s sends token %" PRId32 " to expert %" PRId32 " twice: the model's file is damaged",
                    name, token, experts[k]);
    }
    return SIGMOE_OK;
}

static sigmoe_status choose(const router_call *call, routing *r) {
    const parameter *table = ff_tensor(call->layer, TABLE);
    const int32_t *tokens = call->step->tokens;
    if (!tokens) return fail(SIGMOE_BAD_ARGUMENT, "the hash router needs the ids of the tokens");
    for (int64_t t = 0; t < r->tokens; t++) {
        const int32_t *experts = table->table + tokens[t] * r->slots;
        TRY(check_entry(r, experts, tokens[t], table->name));
        for (int64_t k = 0; k < r->slots; k++) {
            r->chosen[t * r->slots + k] = experts[k];
            r->weight[t * r->slots + k] = 1;
        }
    }
    return SIGMOE_OK;
}

const router router_hash = {
    .tensors = 1,
    .declare = declare,
    .choose = choose,
};
