#include "model/feedforward/parallel_experts.h"

#include "kernels/weighted_rows/weighted_rows.h"
#include "model/feedforward/statistics.h"
#include "model/feedforward/token_grouping.h"

#include <string.h>

// ---------------------------------------------------------------- rows of pairs

typedef struct pair_rows {
    const expert_grouping *pairs;
    matrix tokens; // [T, d]
    matrix rows;   // [pairs, d], by sorted position, of the same type
} pair_rows;

static void copy_rows(void *context, int64_t first, int64_t last, int thread) {
    (void)thread;
    const pair_rows *work = context;
    size_t size = (size_t)work->rows.cols * dtype_size(work->rows.type);
    for (int64_t i = first; i < last; i++) {
        int64_t token = work->pairs->pair[i] / work->pairs->slots;
        memcpy(matrix_row(work->rows, i), matrix_row(work->tokens, token), size);
    }
}

static int64_t served_by(const expert_grouping *g) {
    return g->offset[g->experts];
}

// A row for each pair, of its token's.
static sigmoe_status rows_of_pairs(
    const step_context *step, const expert_grouping *pairs, matrix tokens, matrix *rows) {
    THREADS_PART(step->kernel.threads, "experts: rows to send");
    TRY(matrix_new(step->kernel.scratch, tokens.type, served_by(pairs), tokens.cols, rows));
    pair_rows work = {pairs, tokens, *rows};
    for_row_blocks(step->kernel.threads, rows->rows, copy_rows, &work);
    return SIGMOE_OK;
}

// tokens [T, d] = Σ of each token's rows, in the order of its choices.
static sigmoe_status sum_pairs(
    const step_context *step, const expert_grouping *pairs, matrix rows, matrix tokens) {
    THREADS_PART(step->kernel.threads, "experts: sums of tokens");
    real *ones;
    TRY(ARENA_NEW_RAW(step->kernel.scratch, ones, served_by(pairs)));
    for (int64_t i = 0; i < served_by(pairs); i++) ones[i] = 1;
    weighted_rows_call sum = {rows, pairs->slots, pairs->position, ones};
    weighted_rows_sum(&step->kernel, &sum, tokens);
    return SIGMOE_OK;
}

static expert_journey journey_of(const expert_rows *rows, matrix at_tokens, matrix at_experts, bool back) {
    size_t size = (size_t)at_tokens.cols * dtype_size(at_tokens.type);
    return (expert_journey){rows, at_tokens.data, at_experts.data, size, back, NULL};
}

// ---------------------------------------------------------------- calls for the rows of a chunk

static sigmoe_status group_rows(const expert_rows *rows, int64_t chunk, arena *home, expert_grouping *out) {
    int64_t first = expert_rows_cut(rows, chunk), last = expert_rows_cut(rows, chunk + 1);
    int64_t count = expert_rows_first(rows, chunk + 1) - expert_rows_first(rows, chunk), at = 0;
    int32_t *expert;
    TRY(ARENA_NEW_RAW(home, expert, count));
    for (int part = 0; part < rows->exchange->parts; part++)
        for (int64_t e = first; e < last; e++)
            for (int64_t i = 0; i < rows->count[part * rows->experts + e]; i++)
                expert[at++] = (int32_t)(e - first);
    return group_tokens(home, expert, count, 1, last - first, out);
}

// The weights of a chunk's experts, of those of all experts.
static matrix chunk_weights(const expert_rows *rows, matrix all, int64_t chunk) {
    int64_t first = expert_rows_cut(rows, chunk), count = expert_rows_cut(rows, chunk + 1) - first;
    int64_t each = all.rows / rows->pairs->experts;
    return matrix_part(all, (rows->exchange->own * rows->experts + first) * each, count * each, 0, all.cols);
}

static matrix chunk_rows(const expert_rows *rows, matrix all, int64_t chunk) {
    int64_t first = expert_rows_first(rows, chunk);
    return matrix_part(all, first, expert_rows_first(rows, chunk + 1) - first, 0, all.cols);
}

// What the experts here get and make.
typedef struct arrived {
    matrix x, hidden; // [rows, d], [rows, G]
    matrix weight;    // [rows, 1]
    matrix mask;      // [rows, G], as they travel; or data NULL
} arrived;

static sigmoe_status make_call(
    parallel_experts *p, const expert_set *all, const arrived *a, int64_t chunk, arena *home) {
    const expert_rows *rows = &p->rows;
    TRY(group_rows(rows, chunk, home, &p->groupings[chunk]));
    expert_set set = *all;
    set.experts = p->groupings[chunk].experts;
    set.up = chunk_weights(rows, all->up, chunk);
    set.down = chunk_weights(rows, all->down, chunk);
    p->calls[chunk] = (expert_ffn_call){
        .grouping = &p->groupings[chunk],
        .set = set,
        .x = chunk_rows(rows, a->x, chunk),
        .hidden = chunk_rows(rows, a->hidden, chunk),
        .weight = matrix_real(chunk_rows(rows, a->weight, chunk)),
    };
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- forward

typedef struct forward_run {
    step_context *step;
    parallel_experts *p;
    arena *home;
    expert_ffn_call *own;
    bool masked; // masks come from the tokens' side before anything is summed
    bool shown;  // hidden channels go there: for masks, or for statistics
    arrived here;
    matrix hidden_rows; // [rows, G], as they travel
    matrix y;           // [rows, d]
    matrix y_pairs;     // [pairs, d]
    expert_journey x_way, weight_way, hidden_way, mask_way, y_way;
} forward_run;

static sigmoe_status begin_chunk(forward_run *f, int64_t chunk) {
    if (chunk == f->p->rows.chunks) return SIGMOE_OK;
    TRY(expert_journey_begin(&f->x_way, chunk, f->step->kernel.scratch));
    return expert_journey_begin(&f->weight_way, chunk, f->step->kernel.scratch);
}

// The kernel has hidden channels and masks by sorted position, and they travel by row.
static void copy_between(const expert_grouping *g, matrix sorted, matrix rows, bool to_rows) {
    size_t size = (size_t)rows.cols * dtype_size(rows.type);
    for (int64_t i = 0; i < g->tokens; i++) {
        void *at = matrix_row(sorted, g->position[i]), *row = matrix_row(rows, i);
        memcpy(to_rows ? row : at, to_rows ? at : row, size);
    }
}

static sigmoe_status show_chunk(forward_run *f, int64_t chunk) {
    const expert_ffn_call *call = &f->p->calls[chunk];
    if (!f->shown) return SIGMOE_OK;
    copy_between(call->grouping, call->hidden, chunk_rows(&f->p->rows, f->hidden_rows, chunk), true);
    return expert_journey_begin(&f->hidden_way, chunk, f->step->kernel.scratch);
}

static sigmoe_status down_chunk(forward_run *f, int64_t chunk) {
    const expert_ffn_call *call = &f->p->calls[chunk];
    if (call->x.rows > 0) TRY(expert_ffn_down(&f->step->kernel, call, chunk_rows(&f->p->rows, f->y, chunk)));
    return expert_journey_begin(&f->y_way, chunk, f->step->kernel.scratch);
}

static sigmoe_status serve_chunk(forward_run *f, int64_t chunk) {
    TRY(begin_chunk(f, chunk + 1));
    TRY(expert_journey_finish(&f->x_way, chunk));
    TRY(expert_journey_finish(&f->weight_way, chunk));
    TRY(make_call(f->p, &f->own->set, &f->here, chunk, f->home));
    if (f->p->calls[chunk].x.rows > 0) TRY(expert_ffn_up(&f->step->kernel, &f->p->calls[chunk]));
    TRY(expert_journey_poll(&f->x_way, chunk + 1));
    TRY(show_chunk(f, chunk));
    return f->masked ? SIGMOE_OK : down_chunk(f, chunk);
}

static sigmoe_status mask_chunk(forward_run *f, int64_t chunk) {
    expert_ffn_call *call = &f->p->calls[chunk];
    matrix rows = chunk_rows(&f->p->rows, f->here.mask, chunk), sorted;
    TRY(matrix_new(f->home, TYPE_REAL, rows.rows, rows.cols, &sorted));
    TRY(expert_journey_finish(&f->mask_way, chunk));
    copy_between(call->grouping, sorted, rows, false);
    call->mask = matrix_real(sorted);
    return down_chunk(f, chunk);
}

// Of masks that depend on all of a token's channels.
static sigmoe_status down_masked(forward_run *f) {
    int64_t size = f->own->set.expert_size;
    arena *scratch = f->step->kernel.scratch;
    TRY(matrix_new(scratch, TYPE_REAL, expert_rows_all(&f->p->rows), size, &f->here.mask));
    f->mask_way = journey_of(
        &f->p->rows, matrix_of((real *)f->own->mask, served_by(f->own->grouping), size), f->here.mask, false);
    for (int64_t chunk = 0; chunk < f->p->rows.chunks; chunk++)
        TRY(expert_journey_begin(&f->mask_way, chunk, scratch));
    for (int64_t chunk = 0; chunk < f->p->rows.chunks; chunk++) TRY(mask_chunk(f, chunk));
    return SIGMOE_OK;
}

// What comes here, and what is made of it.
static sigmoe_status take_rows(forward_run *f) {
    const expert_set *set = &f->own->set;
    int64_t rows = expert_rows_all(&f->p->rows);
    arena *scratch = f->step->kernel.scratch;
    TRY(ARENA_NEW(f->home, f->p->groupings, f->p->rows.chunks));
    TRY(ARENA_NEW(f->home, f->p->calls, f->p->rows.chunks));
    TRY(matrix_new(f->home, f->own->x.type, rows, set->width, &f->here.x));
    TRY(matrix_new(f->home, TYPE_REAL, rows, 1, &f->here.weight));
    TRY(matrix_new(f->home, f->own->x.type, rows, set->expert_size, &f->here.hidden));
    TRY(matrix_new(scratch, TYPE_REAL, rows, set->out_width, &f->y));
    return matrix_new(scratch, TYPE_REAL, served_by(f->own->grouping), set->out_width, &f->y_pairs);
}

static sigmoe_status plan_journeys(forward_run *f) {
    const expert_rows *rows = &f->p->rows;
    const expert_grouping *pairs = f->own->grouping;
    arena *scratch = f->step->kernel.scratch;
    matrix x, weight;
    TRY(rows_of_pairs(f->step, pairs, f->own->x, &x));
    TRY(matrix_new(scratch, TYPE_REAL, served_by(pairs), 1, &weight));
    for (int64_t i = 0; i < weight.rows; i++) matrix_real(weight)[i] = f->own->weight[pairs->pair[i]];
    f->x_way = journey_of(rows, x, f->here.x, false);
    f->weight_way = journey_of(rows, weight, f->here.weight, false);
    f->y_way = journey_of(rows, f->y_pairs, f->y, true);
    if (!f->shown) return SIGMOE_OK;
    int64_t size = f->own->set.expert_size;
    TRY(matrix_new(scratch, f->own->x.type, f->here.x.rows, size, &f->hidden_rows));
    TRY(matrix_new(f->home, f->own->x.type, served_by(pairs), size, &f->own->hidden));
    f->hidden_way = journey_of(rows, f->own->hidden, f->hidden_rows, true);
    return SIGMOE_OK;
}

static sigmoe_status finish_chunks(const forward_run *f, expert_journey *way) {
    for (int64_t chunk = 0; chunk < f->p->rows.chunks; chunk++) TRY(expert_journey_finish(way, chunk));
    return SIGMOE_OK;
}

static sigmoe_status run_forward(const ff_layer *layer, forward_run *f, const routing *r, matrix y) {
    TRY(expert_rows_count(f->step->experts, f->own->grouping, f->home, &f->p->rows));
    TRY(take_rows(f));
    TRY(plan_journeys(f));
    TRY(begin_chunk(f, 0));
    for (int64_t chunk = 0; chunk < f->p->rows.chunks; chunk++) TRY(serve_chunk(f, chunk));
    if (f->shown) TRY(finish_chunks(f, &f->hidden_way));
    TRY(make_expert_mask(layer, f->step, f->home, r, f->own));
    observe_experts(layer, f->step, r, f->own);
    if (f->masked) TRY(down_masked(f));
    TRY(finish_chunks(f, &f->y_way));
    return sum_pairs(f->step, f->own->grouping, f->y_pairs, y);
}

sigmoe_status parallel_experts_forward(const ff_layer *layer, step_context *step, arena *home,
    const routing *r, expert_ffn_call *own, matrix y, parallel_experts *p) {
    forward_run f = {.step = step, .p = p, .home = home, .own = own};
    f.masked = masks_experts(layer, step);
    f.shown = f.masked || step->statistics;
    sigmoe_status status = run_forward(layer, &f, r, y);
    expert_journey *const ways[] = {&f.x_way, &f.weight_way, &f.hidden_way, &f.mask_way, &f.y_way};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) status = expert_journey_end(ways[i], status);
    return status;
}

// ---------------------------------------------------------------- backward

typedef struct backward_run {
    step_context *step;
    const parallel_experts *p;
    const expert_ffn_gradients *out;
    matrix dy, dx, dweight;         // [rows, d], [rows, d], [rows, 1]
    matrix dx_pairs, dweight_pairs; // [pairs, d], [pairs, 1]
    expert_journey dy_way, dx_way, dweight_way;
} backward_run;

static sigmoe_status learn_chunk(const backward_run *b, int64_t chunk) {
    const expert_rows *rows = &b->p->rows;
    const expert_ffn_call *call = &b->p->calls[chunk];
    if (call->x.rows == 0) return SIGMOE_OK;
    expert_ffn_gradients gradients = {
        .dy = chunk_rows(rows, b->dy, chunk),
        .dx = chunk_rows(rows, b->dx, chunk),
        .dup = chunk_weights(rows, b->out->dup, chunk),
        .ddown = chunk_weights(rows, b->out->ddown, chunk),
        .dweight = matrix_real(chunk_rows(rows, b->dweight, chunk)),
    };
    return expert_ffn_backward(&b->step->kernel, call, &gradients);
}

static sigmoe_status return_chunk(backward_run *b, int64_t chunk) {
    arena *scratch = b->step->kernel.scratch;
    if (chunk + 1 < b->p->rows.chunks) TRY(expert_journey_begin(&b->dy_way, chunk + 1, scratch));
    TRY(expert_journey_finish(&b->dy_way, chunk));
    TRY(learn_chunk(b, chunk));
    TRY(expert_journey_begin(&b->dx_way, chunk, scratch));
    return expert_journey_begin(&b->dweight_way, chunk, scratch);
}

static sigmoe_status plan_return(backward_run *b) {
    const expert_rows *rows = &b->p->rows;
    arena *scratch = b->step->kernel.scratch;
    int64_t all = expert_rows_all(rows), pairs = served_by(rows->pairs), width = b->out->dx.cols;
    matrix dy_pairs;
    TRY(rows_of_pairs(b->step, rows->pairs, b->out->dy, &dy_pairs));
    TRY(matrix_new(scratch, dy_pairs.type, all, dy_pairs.cols, &b->dy));
    TRY(matrix_new(scratch, TYPE_REAL, all, width, &b->dx));
    TRY(matrix_new(scratch, TYPE_REAL, all, 1, &b->dweight));
    TRY(matrix_new(scratch, TYPE_REAL, pairs, width, &b->dx_pairs));
    TRY(matrix_new(scratch, TYPE_REAL, pairs, 1, &b->dweight_pairs));
    b->dy_way = journey_of(rows, dy_pairs, b->dy, false);
    b->dx_way = journey_of(rows, b->dx_pairs, b->dx, true);
    b->dweight_way = journey_of(rows, b->dweight_pairs, b->dweight, true);
    return SIGMOE_OK;
}

static sigmoe_status run_backward(backward_run *b) {
    const expert_rows *rows = &b->p->rows;
    TRY(plan_return(b));
    TRY(expert_journey_begin(&b->dy_way, 0, b->step->kernel.scratch));
    for (int64_t chunk = 0; chunk < rows->chunks; chunk++) TRY(return_chunk(b, chunk));
    for (int64_t chunk = 0; chunk < rows->chunks; chunk++) {
        TRY(expert_journey_finish(&b->dx_way, chunk));
        TRY(expert_journey_finish(&b->dweight_way, chunk));
    }
    for (int64_t i = 0; i < served_by(rows->pairs); i++)
        b->out->dweight[rows->pairs->pair[i]] = matrix_real(b->dweight_pairs)[i];
    return sum_pairs(b->step, rows->pairs, b->dx_pairs, b->out->dx);
}

sigmoe_status parallel_experts_backward(
    step_context *step, const parallel_experts *p, const expert_ffn_gradients *gradients) {
    backward_run b = {.step = step, .p = p, .out = gradients};
    sigmoe_status status = run_backward(&b);
    status = expert_journey_end(&b.dy_way, status);
    status = expert_journey_end(&b.dx_way, status);
    return expert_journey_end(&b.dweight_way, status);
}
