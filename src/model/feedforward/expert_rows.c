#include "model/feedforward/expert_rows.h"

enum { CHUNKS = 4 };

// ---------------------------------------------------------------- how many

static sigmoe_status swap_counts(const expert_rows *rows, const int64_t *own, int64_t *came, arena *home) {
    const expert_exchange *x = rows->exchange;
    size_t size = (size_t)rows->experts * sizeof *own;
    part_bytes *bytes;
    void *wave = NULL;
    TRY(ARENA_NEW(home, bytes, x->parts));
    for (int part = 0; part < x->parts; part++)
        bytes[part] = (part_bytes){own + part * rows->experts, size, came + part * rows->experts, size};
    sigmoe_status status = x->begin(x->context, bytes, &wave);
    return x->finish(x->context, wave, status);
}

static int64_t rows_from(const expert_rows *rows, int64_t chunk, int part) {
    int64_t sum = 0;
    for (int64_t e = expert_rows_cut(rows, chunk); e < expert_rows_cut(rows, chunk + 1); e++)
        sum += rows->count[part * rows->experts + e];
    return sum;
}

sigmoe_status expert_rows_count(
    const expert_exchange *exchange, const expert_grouping *pairs, arena *home, expert_rows *out) {
    int64_t *own, *came, *first;
    int parts = exchange->parts;
    *out = (expert_rows){.exchange = exchange, .pairs = pairs, .experts = pairs->experts / parts};
    out->chunks = least(out->experts, CHUNKS);
    TRY(ARENA_NEW(home, own, pairs->experts));
    TRY(ARENA_NEW(home, came, pairs->experts));
    TRY(ARENA_NEW(home, first, out->chunks * parts + 1));
    for (int64_t e = 0; e < pairs->experts; e++) own[e] = pairs->offset[e + 1] - pairs->offset[e];
    TRY(swap_counts(out, own, came, home));
    out->count = came;
    for (int64_t i = 0; i < out->chunks * parts; i++)
        first[i + 1] = first[i] + rows_from(out, i / parts, (int)(i % parts));
    out->first = first;
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- on their way

static part_bytes bytes_with(const expert_journey *j, int64_t chunk, int part) {
    const expert_rows *rows = j->rows;
    const int64_t *offset = rows->pairs->offset + part * rows->experts;
    const int64_t *first = rows->first + chunk * rows->exchange->parts + part;
    int64_t position = offset[expert_rows_cut(rows, chunk)], last = offset[expert_rows_cut(rows, chunk + 1)];
    char *here = j->at_tokens + (size_t)position * j->size,
         *there = j->at_experts + (size_t)first[0] * j->size;
    size_t own = (size_t)(last - position) * j->size, theirs = (size_t)(first[1] - first[0]) * j->size;
    return j->back ? (part_bytes){there, theirs, here, own} : (part_bytes){here, own, there, theirs};
}

sigmoe_status expert_journey_begin(expert_journey *j, int64_t chunk, arena *scratch) {
    const expert_exchange *x = j->rows->exchange;
    part_bytes *bytes;
    if (!j->waves) TRY(ARENA_NEW(scratch, j->waves, j->rows->chunks));
    TRY(ARENA_NEW_RAW(scratch, bytes, x->parts));
    for (int part = 0; part < x->parts; part++) bytes[part] = bytes_with(j, chunk, part);
    return x->begin(x->context, bytes, &j->waves[chunk]);
}

sigmoe_status expert_journey_poll(const expert_journey *j, int64_t chunk) {
    const expert_exchange *x = j->rows->exchange;
    bool under_way = j->waves && chunk < j->rows->chunks && j->waves[chunk];
    return under_way ? x->poll(x->context, j->waves[chunk]) : SIGMOE_OK;
}

static sigmoe_status finish(expert_journey *j, int64_t chunk, sigmoe_status status) {
    void *wave = j->waves[chunk];
    j->waves[chunk] = NULL;
    return j->rows->exchange->finish(j->rows->exchange->context, wave, status);
}

sigmoe_status expert_journey_finish(expert_journey *j, int64_t chunk) {
    return finish(j, chunk, SIGMOE_OK);
}

sigmoe_status expert_journey_end(expert_journey *j, sigmoe_status status) {
    for (int64_t chunk = 0; j->waves && chunk < j->rows->chunks; chunk++) status = finish(j, chunk, status);
    return status;
}
