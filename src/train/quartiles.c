#include "train/quartiles.h"

#include "formats/json_objects.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Interpolates between the two sorted values around a fraction of the way.
static double at_part(const double *sorted, int count, double part) {
    double position = part * (count - 1);
    int below = (int)position;
    double above = sorted[below + (below + 1 < count)];
    return sorted[below] + (position - below) * (above - sorted[below]);
}

quartiles quartiles_of(double *values, int count) {
    if (count == 0) return (quartiles){NAN, NAN, NAN};
    qsort(values, (size_t)count, sizeof *values, ascending);
    return (quartiles){
        at_part(values, count, 0.25), at_part(values, count, 0.5), at_part(values, count, 0.75)};
}

// ---------------------------------------------------------------- samples

static int64_t stride_of(const step_samples *s) {
    return s->stride > 0 ? s->stride : 1;
}

static void thin(step_samples *s) {
    for (int i = 0; 2 * i < s->count; i++) s->values[i] = s->values[2 * i];
    s->count = (s->count + 1) / 2;
    s->stride = 2 * stride_of(s);
}

void step_samples_add(step_samples *s, double value) {
    if (s->steps++ % stride_of(s) != 0) return;
    if (s->count == MOST_SAMPLES) thin(s); // MOST_SAMPLES is even: this step is of the wider stride, too
    s->values[s->count++] = value;
}

void step_samples_join(step_samples *before, const step_samples *after) {
    step_samples more = *after;
    while (stride_of(&more) < stride_of(before)) thin(&more);
    while (stride_of(before) < stride_of(&more)) thin(before);
    while (before->count + more.count > MOST_SAMPLES) {
        thin(before);
        thin(&more);
    }
    memcpy(before->values + before->count, more.values, (size_t)more.count * sizeof *more.values);
    before->count += more.count;
    before->steps += more.steps;
}

quartiles step_samples_quartiles(const step_samples *s) {
    double values[MOST_SAMPLES];
    memcpy(values, s->values, (size_t)s->count * sizeof *values);
    return quartiles_of(values, s->count);
}

// ---------------------------------------------------------------- JSON

static sigmoe_status fill(json_t *object, const step_samples *s) {
    json_t *seconds = json_array();
    TRY(json_put(object, "seconds", seconds));
    TRY(json_put(object, "stride", json_integer(stride_of(s))));
    for (int i = 0; i < s->count; i++)
        if (json_array_append_new(seconds, json_real(s->values[i])) != 0)
            return fail(SIGMOE_NO_MEMORY, "no memory for the times of steps");
    return SIGMOE_OK;
}

sigmoe_status step_samples_to_json(const step_samples *s, json_t **out) {
    json_t *object = json_object();
    return json_hand_out(fill(object, s), object, out);
}

sigmoe_status step_samples_from_json(const json_t *object, const char *path, step_samples *out) {
    const json_t *seconds = json_object_get(object, "seconds");
    *out = (step_samples){0};
    TRY(json_get_integer(object, path, "stride", 1, &out->stride));
    if (!json_is_array(seconds) || json_array_size(seconds) > MOST_SAMPLES)
        return fail(
            SIGMOE_BAD_FORMAT, "\"%sseconds\" must be an array of at most %d numbers", path, MOST_SAMPLES);
    for (size_t i = 0; i < json_array_size(seconds); i++) {
        const json_t *value = json_array_get(seconds, i);
        if (!json_is_number(value))
            return fail(SIGMOE_BAD_FORMAT, "\"%sseconds\" must be an array of numbers", path);
        out->values[out->count++] = json_number_value(value);
    }
    return SIGMOE_OK;
}
