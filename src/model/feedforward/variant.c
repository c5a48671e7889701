#include "model/feedforward/variant.h"

#include <math.h>
#include <stdio.h>

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
    parallel_for(pool, divide_up(count, ROWS_PER_TASK), run_row_block, &work);
}
