#include "compare/sweep_read.h"

#include "compare/sweep_file.h"
#include "compare/sweep_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <math.h>
#include <string.h>

// "topk/32": K is a 32nd of the base's channels.
static sigmoe_status settle_part(const sweep_plan *plan, arena *a, const char **variant) {
    char name[32];
    int64_t part;
    if (sscanf(*variant, "%31[a-z-]/%" SCNd64, name, &part) != 2 || part < 1) return SIGMOE_OK;
    const ff_variant *moe = plan->base.model.variant;
    int64_t k = moe->channels(&plan->base.model.ff) / part;
    if (k < 1)
        return fail(SIGMOE_BAD_ARGUMENT,
            "the base's N_E·G is %" PRId64 "; the row %s needs at least %" PRId64, k * part, *variant, part);
    *variant = arena_text(a, "%s:k=%" PRId64, name, k);
    return *variant ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static bool is_file(const char *table) {
    size_t length = strlen(table);
    return strchr(table, '/') || (length > 5 && strcmp(table + length - 5, ".json") == 0);
}

sigmoe_status sweep_plan_make(
    const char *table, const char *const *overrides, int override_count, arena *a, sweep_plan *out) {
    *out = (sweep_plan){.name = arena_text(a, "%s", table), .test_tokens = -1};
    if (!out->name) return SIGMOE_NO_MEMORY;
    TRY(is_file(table) ? sweep_file_read(table, a, out) : sweep_table_read(table, a, out));
    for (int i = 0; i < override_count; i++) TRY(config_override(&out->base, overrides[i]));
    TRY(model_config_check(&out->base.model));
    for (int i = 0; i < out->count; i++) TRY(settle_part(out, a, &out->variants[i]));
    return SIGMOE_OK;
}

static bool has_row(const sweep_plan *plan, const char *variant) {
    for (int i = 0; i < plan->count; i++)
        if (strcmp(plan->variants[i], variant) == 0) return true;
    return false;
}

sigmoe_status sweep_plan_add(sweep_plan *plan, const char *const *variants, int count, arena *a) {
    sweep_plan longer = *plan;
    if (count == 0) return SIGMOE_OK;
    TRY(ARENA_NEW(a, longer.variants, plan->count + count));
    TRY(ARENA_NEW(a, longer.published, plan->count + count));
    TRY(ARENA_NEW(a, longer.row_seeds, plan->count + count)); // all 0
    memcpy(longer.variants, plan->variants, (size_t)plan->count * sizeof *plan->variants);
    memcpy(longer.published, plan->published, (size_t)plan->count * sizeof *plan->published);
    memcpy(longer.row_seeds, plan->row_seeds, (size_t)plan->count * sizeof *plan->row_seeds);
    for (int i = 0; i < count; i++) {
        if (!variants[i]) return fail(SIGMOE_BAD_ARGUMENT, "a variant's name is missing");
        if (has_row(&longer, variants[i])) continue;
        longer.published[longer.count] = NAN;
        longer.variants[longer.count++] = variants[i];
    }
    *plan = longer;
    return SIGMOE_OK;
}
