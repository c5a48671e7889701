// Some of the ranks, in their order.
#pragma once

// Every stride-th rank from `first`.
typedef struct rank_group {
    int first, stride, count;
} rank_group;
static inline int rank_group_at(const rank_group *g, int member) {
    return g->first + member * g->stride;
}
// Which member a rank is.
static inline int rank_group_find(const rank_group *g, int rank) {
    return (rank - g->first) / g->stride;
}
