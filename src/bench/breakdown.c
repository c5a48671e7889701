#include "bench/breakdown.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PARTS = 64 }; // more than all literals of THREADS_PART

typedef struct part_sum {
    const char *name;
    double ms, worked_ms; // all steps; worked: of all threads
} part_sum;

struct breakdown {
    part_sum parts[MOST_PARTS];
    int count, steps, threads;
};

sigmoe_status breakdown_create(breakdown **out) {
    *out = calloc(1, sizeof **out);
    return *out ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for a breakdown");
}

void breakdown_destroy(breakdown *b) {
    free(b);
}

static part_sum *part_named(breakdown *b, const char *name) {
    for (int i = 0; i < b->count; i++)
        if (strcmp(b->parts[i].name, name) == 0) return &b->parts[i];
    assert(b->count < MOST_PARTS);
    b->parts[b->count] = (part_sum){.name = name};
    return &b->parts[b->count++];
}

static void add_spans(breakdown *b, const timeline_span *spans, int64_t count, bool worked) {
    for (int64_t i = 0; i < count; i++) {
        part_sum *part = part_named(b, spans[i].part);
        *(worked ? &part->worked_ms : &part->ms) += (double)(spans[i].end - spans[i].begin) * 1e-6;
    }
}

sigmoe_status breakdown_add(breakdown *b, const timeline *t) {
    int64_t count;
    if (timeline_is_full(t))
        return fail(SIGMOE_BAD_ARGUMENT, "a step of this model has too many parts to watch");
    b->steps++;
    b->threads = timeline_threads(t);
    const timeline_span *parts = timeline_parts(t, &count);
    add_spans(b, parts, count, false);
    for (int i = 0; i < b->threads; i++) {
        const timeline_span *rounds = timeline_rounds(t, i, &count);
        add_spans(b, rounds, count, true);
    }
    return SIGMOE_OK;
}

static int longer_first(const void *a, const void *b) {
    double x = ((const part_sum *)a)->ms, y = ((const part_sum *)b)->ms;
    return (x < y) - (x > y);
}

void breakdown_visit(
    breakdown *b, void (*visit)(void *context, const sigmoe_bench_part *part), void *context) {
    double total = 0;
    for (int i = 0; i < b->count; i++) total += b->parts[i].ms;
    qsort(b->parts, (size_t)b->count, sizeof *b->parts, longer_first);
    for (int i = 0; i < b->count; i++) {
        const part_sum *p = &b->parts[i];
        visit(context, &(sigmoe_bench_part){
                           p->name, p->ms / b->steps, p->ms / total, p->worked_ms / (p->ms * b->threads)});
    }
}
