#include "train/collect_tensors.h"

sigmoe_status tensor_collector_open(communicator *link, tensor_collector *out) {
    *out = (tensor_collector){.link = link};
    return arena_create("tensor to write", &out->room);
}

void tensor_collector_close(tensor_collector *c) {
    arena_destroy(c->room);
}

typedef struct tensor_source {
    tensor_collector *collector;
    const real *own;
    tensor_range held;
    int64_t count;
} tensor_source;

static sigmoe_status bring(const void *context, const void **bytes) {
    const tensor_source *s = context;
    arena *room = s->collector->room;
    real *whole;
    arena_release(room, (arena_mark){0});
    TRY(ARENA_NEW_RAW(room, whole, s->count));
    *bytes = whole;
    return communicator_collect_ranges(s->collector->link, s->own, s->held, s->count, whole);
}

sigmoe_status bring_tensor(tensor_collector *c, const real *own, tensor_range held, int64_t count, arena *a,
    tensor_to_write *tensor) {
    tensor_source *source;
    TRY(ARENA_NEW(a, source, 1));
    *source = (tensor_source){c, own, held, count};
    tensor->bring = bring;
    tensor->source = source;
    return SIGMOE_OK;
}

sigmoe_status give_tensor(communicator *link, const real *own, tensor_range held, int64_t count) {
    return communicator_collect_ranges(link, own, held, count, NULL);
}

sigmoe_status bring_weights(void *collector, const parameter *p, arena *a, tensor_to_write *tensor) {
    return bring_tensor(collector, p->value + p->held.first, p->held, p->count, a, tensor);
}

sigmoe_status give_weights(communicator *link, const parameter_list *list) {
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (parameter_is_shared(p)) TRY(give_tensor(link, p->value + p->held.first, p->held, p->count));
    }
    return SIGMOE_OK;
}
