#include "model/match_parameters.h"

#include "model/size.h"

#include <stdlib.h>

const option *matched_option(const ff_variant *variant) {
    static const char *const sizes[] = {"d_ff", "n_subkeys"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const option *size = option_find(variant->options, sizes[i]);
        if (size) return size;
    }
    return NULL;
}

typedef struct size_search {
    model_config *config;
    int64_t *size; // the option's value in *config
    int64_t target;
} size_search;

// Skips the variant's own check: the K of a Top-K may exceed a size that is only tried.
static sigmoe_status total_at(const size_search *s, int64_t size, int64_t *total) {
    parameter_list *list;
    *s->size = size;
    TRY(parameters_create(&list));
    sigmoe_status status = model_declare(s->config, list);
    if (status == SIGMOE_OK) *total = parameters_count(list);
    parameters_destroy(list);
    return status;
}

// Finds the smallest size up to the option's limit whose total is at least the target, and its predecessor. Totals grow with
// the size. If no size is large enough, both are the limit.
static sigmoe_status bracket(const size_search *s, int64_t limit, int64_t *below, int64_t *above) {
    int64_t low = 0, high = 1, total;
    TRY(total_at(s, high, &total));
    while (total < s->target && high < limit) {
        low = high;
        high = high > limit / 2 ? limit : 2 * high;
        TRY(total_at(s, high, &total));
    }
    if (total < s->target) low = high;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        TRY(total_at(s, middle, &total));
        if (total < s->target)
            low = middle;
        else
            high = middle;
    }
    *below = low > 0 ? low : high;
    *above = high;
    return SIGMOE_OK;
}

sigmoe_status match_parameters(int64_t target, model_config *config) {
    const option *size = matched_option(config->variant);
    if (!size) return SIGMOE_OK;
    size_search search = {config, (int64_t *)((char *)&config->ff + size->offset), target};
    int64_t below, above, total_below, total_above;
    TRY(bracket(&search, (int64_t)size->high, &below, &above));
    TRY(total_at(&search, below, &total_below));
    TRY(total_at(&search, above, &total_above));
    *search.size = llabs(total_below - target) <= llabs(total_above - target) ? below : above;
    return SIGMOE_OK;
}
