#include "distribute/communicator.h"
#include "distribute/exchange.h"

#include <string.h>

enum { PIECE = 1 << 20 }; // values that are summed at a time

// Each rank sums its share of the values: it gets that of all others, and gives them the sum.
typedef struct shares {
    rank_group group;
    int own; // this process's place in it
    real *values;
    int64_t count;
    real *received; // [members, the largest share]
    real *sum;      // [the largest share]
} shares;

static int64_t share_at(const shares *s, int member) {
    return s->count * member / s->group.count;
}
static int64_t share_size(const shares *s, int member) {
    return share_at(s, member + 1) - share_at(s, member);
}
static size_t share_bytes(const shares *s, int member) {
    return (size_t)share_size(s, member) * sizeof(real);
}

static void add_up(const shares *s) {
    int64_t size = share_size(s, s->own);
    real *values = s->values + share_at(s, s->own);
    for (int member = 0; member < s->group.count; member++) {
        const real *part = member == s->own ? values : s->received + member * size;
        if (member == 0) memcpy(s->sum, part, (size_t)size * sizeof(real));
        for (int64_t i = 0; member > 0 && i < size; i++) s->sum[i] += part[i];
    }
    memcpy(values, s->sum, (size_t)size * sizeof(real));
}

static sigmoe_status sum_piece(exchange *e, const shares *s) {
    int64_t size = share_size(s, s->own);
    for (int member = 0; member < s->group.count; member++) {
        int peer = rank_group_at(&s->group, member);
        if (member == s->own) continue;
        TRY(exchange_receive(e, s->received + member * size, share_bytes(s, s->own), peer));
        TRY(exchange_send(e, s->values + share_at(s, member), share_bytes(s, member), peer));
    }
    TRY(exchange_finish(e));
    add_up(s);
    for (int member = 0; member < s->group.count; member++) {
        int peer = rank_group_at(&s->group, member);
        if (member == s->own) continue;
        TRY(exchange_receive(e, s->values + share_at(s, member), share_bytes(s, member), peer));
        TRY(exchange_send(e, s->values + share_at(s, s->own), share_bytes(s, s->own), peer));
    }
    return exchange_finish(e);
}

static sigmoe_status sum(exchange *e, const rank_group *group, real *values, int64_t count, arena *scratch) {
    int64_t piece = count < PIECE ? count : PIECE, share = piece / group->count + 1;
    shares s = {.group = *group, .own = rank_group_find(group, e->c->link->rank)};
    TRY(ARENA_NEW_RAW(scratch, s.received, share * group->count));
    TRY(ARENA_NEW_RAW(scratch, s.sum, share));
    for (int64_t first = 0; first < count; first += piece) {
        s.values = values + first;
        s.count = count - first < piece ? count - first : piece;
        TRY(sum_piece(e, &s));
    }
    return SIGMOE_OK;
}

sigmoe_status communicator_sum(
    communicator *c, const rank_group *group, real *values, int64_t count, arena *scratch) {
    exchange e;
    rank_group all = rank_group_all(c);
    if (!group) group = &all;
    if (group->count == 1 || count == 0) return SIGMOE_OK;
    TRY(exchange_begin(c, &e));
    arena_mark mark = arena_here(scratch);
    sigmoe_status status = sum(&e, group, values, count, scratch);
    arena_release(scratch, mark);
    return exchange_end(&e, status);
}
