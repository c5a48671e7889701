#include "distribute/summation.h"

#include "base/bf16.h"
#include "distribute/exchange.h"

#include <string.h>

enum { PIECE = 1 << 20 }; // values that communicator_sum sums at a time

typedef enum stage { ADDING, SPREADING, DONE } stage;

struct summation {
    sum_call call;
    int own; // this process's place in the group
    stage at;
    exchange messages;
    size_t width; // bytes of each of the parts' values on its way
    char *sent;   // [values] on their way, where they are not what `values` are
    char *received;
    real *sum; // [the own part]
};

static int members_of(const summation *s) {
    return s->call.group.count;
}

// Where a member's part of `sent` begins; for the number of members, its end.
static int64_t part_at(const summation *s, int member) {
    int64_t at = 0;
    for (int i = 0; i < member; i++) at += s->call.parts[i].count;
    return at;
}

static size_t part_bytes(const summation *s, int member) {
    return (size_t)s->call.parts[member].count * s->width;
}

// ---------------------------------------------------------------- rounding

static void round_part(const summation *s, int member) {
    const sum_part *part = &s->call.parts[member];
    bf16 *out = (bf16 *)s->sent + part_at(s, member);
    const real *values = part->values;
    for (int64_t i = 0; i < part->count; i++) out[i] = bf16_of((float)values[i]);
}

static void widen_part(const summation *s, int member) {
    const sum_part *part = &s->call.parts[member];
    const bf16 *in = (const bf16 *)s->sent + part_at(s, member);
    real *values = part->values;
    for (int64_t i = 0; i < part->count; i++) values[i] = bf16_value(in[i]);
}

// What is sent of a part, and where it is received.
static char *part_place(const summation *s, int member) {
    if (!s->call.rounded) return s->call.parts[member].values;
    return s->sent + (size_t)part_at(s, member) * s->width;
}

// ---------------------------------------------------------------- sums

static void add(real *sum, const char *part, int64_t count, bool rounded) {
    const real *exact = (const real *)part;
    const bf16 *narrow = (const bf16 *)part;
    if (rounded)
        for (int64_t i = 0; i < count; i++) sum[i] += bf16_value(narrow[i]);
    else
        for (int64_t i = 0; i < count; i++) sum[i] += exact[i];
}

static void add_up(const summation *s) {
    const sum_part *own = &s->call.parts[s->own];
    for (int64_t i = 0; i < own->count; i++) s->sum[i] = (real)-0.0; // to which any number adds up as itself
    for (int member = 0; member < members_of(s); member++) {
        bool here = member == s->own;
        const char *part = here ? own->values : s->received + (size_t)member * part_bytes(s, s->own);
        add(s->sum, part, own->count, s->call.rounded && !here);
    }
    memcpy(own->values, s->sum, (size_t)own->count * sizeof *s->sum);
    if (!s->call.rounded) return;
    round_part(s, s->own);
    widen_part(s, s->own);
}

// ---------------------------------------------------------------- messages

static sigmoe_status send_parts(summation *s) {
    s->messages.tag = TRANSPORT_PART;
    for (int member = 0; member < members_of(s); member++) {
        int peer = rank_group_at(&s->call.group, member);
        char *place = s->received + (size_t)member * part_bytes(s, s->own);
        if (member == s->own) continue;
        if (s->call.rounded) round_part(s, member);
        TRY(exchange_receive(&s->messages, place, part_bytes(s, s->own), peer));
        TRY(exchange_send(&s->messages, part_place(s, member), part_bytes(s, member), peer));
    }
    return SIGMOE_OK;
}

static sigmoe_status send_sums(summation *s) {
    s->messages.tag = TRANSPORT_SUM;
    for (int member = 0; member < members_of(s); member++) {
        int peer = rank_group_at(&s->call.group, member);
        if (member == s->own) continue;
        TRY(exchange_receive(&s->messages, part_place(s, member), part_bytes(s, member), peer));
        TRY(exchange_send(&s->messages, part_place(s, s->own), part_bytes(s, s->own), peer));
    }
    return SIGMOE_OK;
}

// When all messages of a stage have come.
static sigmoe_status next_stage(summation *s) {
    s->messages.count = 0;
    if (s->at == ADDING) {
        add_up(s);
        s->at = s->call.spreads ? SPREADING : DONE;
        return s->call.spreads ? send_sums(s) : SIGMOE_OK;
    }
    for (int member = 0; s->call.rounded && member < members_of(s); member++)
        if (member != s->own) widen_part(s, member);
    s->at = DONE;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- from outside

static sigmoe_status prepare(summation *s, arena *a) {
    int64_t all = part_at(s, members_of(s)), own = s->call.parts[s->own].count;
    if (s->call.rounded) TRY(ARENA_NEW_RAW(a, s->sent, all * (int64_t)s->width));
    if (!s->call.adds) return SIGMOE_OK;
    TRY(ARENA_NEW_RAW(a, s->received, own * members_of(s) * (int64_t)s->width));
    return ARENA_NEW_RAW(a, s->sum, own);
}

sigmoe_status summation_begin(communicator *c, const sum_call *call, arena *a, summation **out) {
    summation *s;
    TRY(ARENA_NEW(a, s, 1));
    s->call = *call;
    s->own = rank_group_find(&call->group, communicator_rank(c));
    s->width = !call->adds ? 1 : call->rounded ? sizeof(bf16) : sizeof(real);
    s->at = call->adds ? ADDING : SPREADING;
    TRY(prepare(s, a));
    TRY(exchange_begin(c, &s->messages));
    sigmoe_status status = call->adds ? send_parts(s) : send_sums(s);
    *out = s;
    return status == SIGMOE_OK ? SIGMOE_OK : summation_end(s, status);
}

sigmoe_status summation_look(summation *s, bool turn, int *waits_for) {
    for (;;) {
        *waits_for = -1;
        if (s->at == DONE) return SIGMOE_OK;
        TRY(exchange_look(&s->messages, waits_for));
        if (*waits_for >= 0) return SIGMOE_OK;
        if (!turn) { // others that wait are told of
            *waits_for = rank_group_at(&s->call.group, s->own);
            return SIGMOE_OK;
        }
        TRY(next_stage(s));
    }
}

bool summation_has_added(const summation *s) {
    return s->at != ADDING;
}

void summation_abandon(summation *s) {
    exchange_abandon(&s->messages);
}

sigmoe_status summation_end(summation *s, sigmoe_status status) {
    return exchange_end(&s->messages, status);
}

// ---------------------------------------------------------------- at once

static sigmoe_status look_after(void *context, int *waits_for) {
    return summation_look(context, true, waits_for);
}

static sigmoe_status sum_at_once(communicator *c, const sum_call *call, arena *scratch) {
    summation *s;
    TRY(summation_begin(c, call, scratch, &s));
    return summation_end(s, exchange_wait(c, look_after, s));
}

static sigmoe_status sum_piece(communicator *c, const rank_group *group, sum_part whole, arena *scratch) {
    sum_part *parts;
    TRY(ARENA_NEW_RAW(scratch, parts, group->count));
    for (int member = 0; member < group->count; member++) {
        int64_t first = whole.count * member / group->count, end = whole.count * (member + 1) / group->count;
        parts[member] = (sum_part){(real *)whole.values + first, end - first};
    }
    const sum_call call = {.group = *group, .parts = parts, .adds = true, .spreads = true};
    return sum_at_once(c, &call, scratch);
}

sigmoe_status communicator_sum(
    communicator *c, const rank_group *group, real *values, int64_t count, arena *scratch) {
    rank_group all = rank_group_all(c);
    sigmoe_status status = SIGMOE_OK;
    if (!group) group = &all;
    if (group->count == 1) return SIGMOE_OK;
    for (int64_t first = 0; first < count && status == SIGMOE_OK; first += PIECE) {
        sum_part piece = {values + first, count - first < PIECE ? count - first : PIECE};
        arena_mark mark = arena_here(scratch);
        status = sum_piece(c, group, piece, scratch);
        arena_release(scratch, mark);
    }
    return status;
}
