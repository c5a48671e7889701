#include "model/whole_batch.h"

sigmoe_status whole_batch_gather(const whole_batch *whole, const double *own, int64_t count, arena *a,
    int64_t *parts, const double **all) {
    *parts = 1;
    *all = own;
    if (!whole || !whole->exchange) return SIGMOE_OK;
    double *gathered;
    *parts = whole->exchange->parts;
    TRY(ARENA_NEW_RAW(a, gathered, *parts * count));
    *all = gathered;
    return whole->exchange->gather(whole->exchange->context, own, count, gathered);
}

sigmoe_status whole_batch_sum(const whole_batch *whole, double *values, int64_t count, arena *a) {
    int64_t parts;
    const double *all;
    TRY(whole_batch_gather(whole, values, count, a, &parts, &all));
    if (all == values) return SIGMOE_OK;
    for (int64_t i = 0; i < count; i++) {
        values[i] = all[i];
        for (int64_t part = 1; part < parts; part++) values[i] += all[part * count + i];
    }
    return SIGMOE_OK;
}
