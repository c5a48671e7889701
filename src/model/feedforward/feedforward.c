#include "model/feedforward/variant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const ff_variant *const variants[] = {
#define FF_VARIANT(name) &ff_variant_##name,
#include "model/feedforward/feedforward.inc"
#undef FF_VARIANT
};

const ff_variant *ff_variant_at(int index) {
    return index < 0 || index >= (int)(sizeof variants / sizeof *variants) ? NULL : variants[index];
}

const ff_variant *ff_variant_named(const char *name) {
    const ff_variant *variant;
    for (int i = 0; (variant = ff_variant_at(i)); i++)
        if (strcmp(variant->name, name) == 0) return variant;
    return NULL;
}

static int choice_count(const option *o) {
    int count = 0;
    while (o->choices[count]) count++;
    return count;
}

static sigmoe_status check_range(const option *o, const void *value) {
    switch (o->type) {
    case OPTION_INTEGER: {
        int64_t integer = *(const int64_t *)value;
        if ((double)integer >= o->low && (double)integer <= o->high) return SIGMOE_OK;
        return fail(SIGMOE_BAD_ARGUMENT, "ff.%s is %" PRId64 ": choose %.0f to %.0f", o->name, integer,
            o->low, o->high);
    }
    case OPTION_NUMBER: {
        double number = *(const double *)value;
        if (number >= o->low && number <= o->high) return SIGMOE_OK;
        return fail(SIGMOE_BAD_ARGUMENT, "ff.%s is %g: choose %g to %g", o->name, number, o->low, o->high);
    }
    case OPTION_CHOICE: {
        int choice = *(const int *)value;
        if (choice >= 0 && choice < choice_count(o)) return SIGMOE_OK;
        return fail(SIGMOE_BAD_ARGUMENT, "ff.%s is choice %d of %d: name one of them, as %s", o->name, choice,
            choice_count(o), o->choices[0]);
    }
    case OPTION_FLAG:
        break;
    }
    return SIGMOE_OK;
}

sigmoe_status ff_check_ranges(option_table table, const void *values) {
    for (int i = 0; i < table.count; i++)
        TRY(check_range(&table.options[i], (const char *)values + table.options[i].offset));
    return SIGMOE_OK;
}

sigmoe_status ff_declare(parameter_list *list, int layer, parameter_declaration declaration) {
    char name[96];
    snprintf(name, sizeof name, "layers.%d.ff.%s", layer, declaration.name);
    declaration.name = name;
    return parameters_declare(list, &declaration, NULL);
}

double ff_init_scale(const ff_surroundings *around) {
    return sqrt(2.0 / (double)around->n_layers);
}

typedef struct row_work {
    int64_t count;
    row_function *rows;
    void *context;
} row_work;

static void run_row_block(void *context, int64_t task, int thread) {
    const row_work *work = context;
    int64_t first = task * ROWS_PER_TASK, last = first + ROWS_PER_TASK;
    work->rows(work->context, first, last < work->count ? last : work->count, thread);
}

void for_row_blocks(threads *pool, int64_t count, row_function *rows, void *context) {
    row_work work = {count, rows, context};
    parallel_for(pool, block_count(count, ROWS_PER_TASK), run_row_block, &work);
}
