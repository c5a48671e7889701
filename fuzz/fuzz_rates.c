// A file of `sigmoe plan --rates` from a stranger: what is accepted is written and read again as it is, and plans with it are finite.
// The input is also what --network could be.
#include "fuzz.h"

#include "model/feedforward/registry.h"
#include "model/feedforward/router_names.h"
#include "plan/scaling.h"

#include <math.h>

static model_config mixture(void) {
    model_config model = {.vocab_size = 20,
        .d_model = 8,
        .n_layers = 2,
        .n_heads = 2,
        .d_head = 3,
        .unroll = 10,
        .memory_train = 1,
        .memory_eval = 1,
        .variant = ff_variant_named("moe")};
    option_defaults(model.variant->options, &model.ff);
    model.ff.moe.n_experts = 4;
    model.ff.moe.expert_size = 5;
    model.ff.moe.k = 2;
    model.ff.moe.router = moe_router_named("sigmoid");
    return model;
}

static void plan_with(const machine_rates *rates, const network *between) {
    planned_training t = {.cluster = {.rates = rates, .cores = 3, .network = between},
        .models = {mixture()},
        .model_count = 1,
        .nodes = 4,
        .batch = 8,
        .operands = TYPE_BF16};
    for (scheme s = 0; s < SCHEMES; s++) {
        scaling_point p;
        if (scaling_at(&t, 0, s, t.nodes, t.batch, t.batch, &p) != SIGMOE_OK || *p.problem) abort();
        if (!isfinite(p.estimate.seconds) || !(p.estimate.seconds > 0) || !(p.speedup > 0)) abort();
    }
}

static void check_round_trip(const machine_rates *rates) {
    char path[FUZZ_PATH];
    machine_rates again;
    if (rates_write(input_path(path, "rates.json"), rates) != SIGMOE_OK) abort();
    if (rates_read(path, &again) != SIGMOE_OK || memcmp(rates, &again, sizeof again) != 0) abort();
}

static void read_rates(const char *path) {
    machine_rates rates;
    if (rates_read(path, &rates) != SIGMOE_OK) return;
    fail_no_allocation();
    plan_with(&rates, NULL);
    check_round_trip(&rates);
}

static void read_network(const uint8_t *bytes, size_t size) {
    machine_rates rates;
    network between;
    char *text = calloc(1, size + 1);
    if (!text || rates_builtin(&rates) != SIGMOE_OK) abort();
    memcpy(text, bytes, size);
    if (network_parse(text, &between) == SIGMOE_OK) plan_with(&rates, &between);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_rates, bytes, size);
    read_network(bytes, size);
    return 0;
}
