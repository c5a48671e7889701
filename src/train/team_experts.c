#include "train/team_experts.h"

#include "distribute/exchange.h"

#include <stdlib.h>
#include <string.h>

sigmoe_status team_experts_check(int64_t parts, int ranks, int64_t experts) {
    if (parts < 1)
        return fail(SIGMOE_BAD_ARGUMENT, "`expert_parallel` is %lld; it must be 1 or more", (long long)parts);
    if (parts == 1) return SIGMOE_OK;
    if (experts == 0)
        return fail(SIGMOE_BAD_ARGUMENT,
            "`expert_parallel` is %lld, but the model has no experts to spread: leave it out",
            (long long)parts);
    if (ranks % parts != 0)
        return fail(SIGMOE_BAD_ARGUMENT,
            "`expert_parallel` is %lld, which does not divide the %d rank%s: choose a divisor, or start "
            "another number of ranks",
            (long long)parts, ranks, plural(ranks));
    if (experts % parts == 0) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT,
        "`expert_parallel` is %lld, which does not divide the %lld experts of a layer: choose a divisor",
        (long long)parts, (long long)experts);
}

rank_group team_experts_holders(const communicator *link, int parts) {
    return (rank_group){communicator_rank(link) / parts * parts, 1, parts};
}

rank_group team_experts_copies(const communicator *link, int parts) {
    return (rank_group){communicator_rank(link) % parts, parts, communicator_ranks(link) / parts};
}

// ---------------------------------------------------------------- transfers

static size_t piece_at(size_t size, size_t from) {
    return size - from < TRANSPORT_MOST ? size - from : TRANSPORT_MOST;
}

static sigmoe_status begin_with(exchange *wave, const part_bytes *b, int peer) {
    for (size_t from = 0; from < b->in_size; from += TRANSPORT_MOST)
        TRY(exchange_receive(wave, (char *)b->in + from, piece_at(b->in_size, from), peer));
    for (size_t from = 0; from < b->out_size; from += TRANSPORT_MOST)
        TRY(exchange_send(wave, (const char *)b->out + from, piece_at(b->out_size, from), peer));
    return SIGMOE_OK;
}

static sigmoe_status begin(void *context, const part_bytes *bytes, void **out) {
    const team_experts *e = context;
    exchange *wave = malloc(sizeof *wave);
    *out = NULL;
    if (!wave) return fail(SIGMOE_NO_MEMORY, "no memory for messages");
    sigmoe_status status = exchange_begin(e->link, wave);
    if (status != SIGMOE_OK) {
        free(wave);
        return status;
    }
    *out = wave;
    for (int part = 0; part < e->exchange.parts; part++) {
        const part_bytes *b = &bytes[part];
        if (part != e->exchange.own)
            TRY(begin_with(wave, b, rank_group_at(&e->holders, part)));
        else if (b->out_size > 0)
            memcpy(b->in, b->out, b->out_size);
    }
    return SIGMOE_OK;
}

static sigmoe_status poll(void *context, void *wave) {
    (void)context;
    return exchange_poll(wave);
}

static sigmoe_status finish(void *context, void *wave, sigmoe_status status) {
    (void)context;
    if (!wave) return status;
    if (status == SIGMOE_OK) status = exchange_finish(wave);
    status = exchange_end(wave, status);
    free(wave);
    return status;
}

void team_experts_join(team_experts *e, communicator *link, int parts) {
    e->link = link;
    e->holders = team_experts_holders(link, parts);
    e->exchange = (expert_exchange){
        e, rank_group_find(&e->holders, communicator_rank(link)), parts, begin, poll, finish};
}
