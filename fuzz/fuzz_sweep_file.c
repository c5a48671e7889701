// The file of a sweep.
#include "fuzz.h"

#include "compare/sweep_file.h"
#include "config/train_settings.h"

// An accepted plan is one that could be trained: its base and settings are valid, and each row has a text and seeds.
static void check(const sweep_plan *plan) {
    if (model_config_check(&plan->base.model) != SIGMOE_OK) abort();
    if (train_settings_check(&plan->base.settings) != SIGMOE_OK) abort();
    if (plan->count < 1 || plan->seeds < 1) abort();
    for (int i = 0; i < plan->count; i++)
        if (!plan->variants[i] || plan->row_seeds[i] < 0 || plan->row_seeds[i] > plan->seeds) abort();
}

static void read_file(const char *path) {
    arena *a;
    sweep_plan plan = {0};
    if (arena_create("fuzz", &a) != SIGMOE_OK) return;
    if (sweep_file_read(path, a, &plan) == SIGMOE_OK) check(&plan);
    arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_file, bytes, size);
    return 0;
}
