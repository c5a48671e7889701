// Gradients of weights and biases. Tasks are slices of one expert's gradients; each sums its rows in sorted order.
#pragma once

#include "kernels/expert_ffn/expert_run.h"

enum {
    STEPS = 128 * PER_WORD,      // rows that are packed at once,
    MOST_STEPS = 160 * PER_WORD, // or up to this many, to avoid a remainder below STEPS / 4
    SLICE = 448,                 // rows and columns of a slice, at most
    ROUNDED_SLICE = 256, // of one whose sums need memory of their own, because the gradient is rounded
    BIAS_SLICE = 256,
};

_Static_assert(
    QUEUE_SPANS >= MOST_STEPS + SLICE * (int)sizeof(word) / LINE + 2, "a chunk of steps must fit the queue");

// What a gradient is a product of: for each position a row of tokens, of hidden channels with their factors, or of a matrix with
// a row for each position.
typedef enum side_kind { BY_TOKEN, BY_POSITION, HIDDEN } side_kind;
typedef struct side {
    side_kind kind;
    matrix m;
} side;

// sum [a's columns, b's columns] = aᵀ · b over the positions of an expert.
typedef struct gradient {
    matrix sum; // [experts * a's columns, b's columns]; data NULL: not wanted
    side a, b;
} gradient;

// Rows [row, row + rows) and columns [column, column + columns) of an expert's gradient.
typedef struct gradient_slice {
    const gradient *of;
    int64_t expert, row, rows, column, columns;
    int64_t first, last; // positions
} gradient_slice;

typedef struct gradient_work {
    const expert_run *run;
    gradient gradients[2];
    int count;
    bool overwrite;
} gradient_work;

// The gradient of a matrix between the sides of its inputs and of its outputs.
static void add_gradient(gradient_work *work, matrix sum, side inputs, side outputs) {
    bool edg = work->run->call->set.layout == SIGMOE_EXPERTS_EDG;
    if (sum.data)
        work->gradients[work->count++] = (gradient){sum, edg ? inputs : outputs, edg ? outputs : inputs};
}

// ---- Slices ----

static int64_t slice_limit(const gradient *g) {
    return g->sum.type == TYPE_REAL ? SLICE : ROUNDED_SLICE;
}
static int64_t slices_down(const gradient *g) {
    return divide_up(g->a.m.cols, slice_limit(g));
}
static int64_t slices_across(const gradient *g) {
    return divide_up(g->b.m.cols, slice_limit(g));
}

static int64_t slices_of_expert(const gradient_work *work) {
    int64_t count = 0;
    for (int i = 0; i < work->count; i++)
        count += slices_down(&work->gradients[i]) * slices_across(&work->gradients[i]);
    return count;
}

// Piece `i` of [0, total), in whole panels.
static void cut_slice(int64_t total, int64_t pieces, int64_t i, int64_t *first, int64_t *count) {
    int64_t panels = divide_up(total, NR);
    *first = even_cut(panels, pieces, i) * NR;
    *count = least(even_cut(panels, pieces, i + 1) * NR, total) - *first;
}

// No slice if there is no such task.
static gradient_slice slice_of(const gradient_work *work, int64_t task) {
    const expert_grouping *g = work->run->call->grouping;
    int64_t each = slices_of_expert(work), expert = task / each, index = task % each;
    if (expert >= g->experts) return (gradient_slice){0};
    const gradient *of = work->gradients;
    for (; index >= slices_down(of) * slices_across(of); of++) index -= slices_down(of) * slices_across(of);
    gradient_slice slice = {
        .of = of, .expert = expert, .first = g->offset[expert], .last = g->offset[expert + 1]};
    cut_slice(of->a.m.cols, slices_down(of), index / slices_across(of), &slice.row, &slice.rows);
    cut_slice(of->b.m.cols, slices_across(of), index % slices_across(of), &slice.column, &slice.columns);
    return slice;
}

static int64_t steps_from(const gradient_slice *slice, int64_t position) {
    int64_t left = slice->last - position;
    return left <= MOST_STEPS ? left : STEPS;
}

// ---- What a slice packs ----

// Queues columns [column, column + columns) of the rows that start at `position`.
static void queue_side(const expert_ffn_call *call, const side *s, int64_t position, int64_t steps,
    int64_t column, int64_t columns, prefetch_queue *queue) {
    int64_t size = sizeof(operand);
    if (s->kind == BY_TOKEN)
        for (int64_t i = 0; i < steps; i++)
            queue_operands(queue, token_at(call->grouping, s->m, position + i) + column, columns);
    else if (columns < s->m.cols)
        prefetch_queue_add_rows(queue, operands(s->m) + position * s->m.stride + column, columns * size,
            steps, s->m.stride * size);
    else if (s->kind == BY_POSITION)
        queue_rows(queue, s->m, position, steps);
    else
        queue_hidden(call, position, steps, queue);
}

static void queue_steps(
    const expert_run *run, const gradient_slice *slice, int64_t position, prefetch_queue *queue) {
    int64_t steps = steps_from(slice, position);
    if (steps <= 0) return;
    queue_side(run->call, &slice->of->a, position, steps, slice->row, slice->rows, queue);
    queue_side(run->call, &slice->of->b, position, steps, slice->column, slice->columns, queue);
}

typedef union side_rows {
    const operand *plain[MOST_STEPS];
    hidden_row hidden[MOST_STEPS];
} side_rows;

static void point_to_rows(const expert_ffn_call *call, const side *s, int64_t position, int64_t steps,
    int64_t column, side_rows *rows) {
    for (int64_t i = 0; i < steps; i++)
        if (s->kind == HIDDEN)
            rows->hidden[i] = hidden_at(call, position + i);
        else if (s->kind == BY_TOKEN)
            rows->plain[i] = token_at(call->grouping, s->m, position + i) + column;
        else
            rows->plain[i] = operands(s->m) + (position + i) * s->m.stride + column;
}

static void pack_side_a(
    const expert_ffn_call *call, const gradient_slice *slice, int64_t position, int64_t steps, word *a) {
    const side *s = &slice->of->a;
    side_rows rows;
    point_to_rows(call, s, position, steps, slice->row, &rows);
    if (s->kind == HIDDEN)
        pack_hidden_steps(rows.hidden, steps, slice->row, slice->rows, s->m.cols, a);
    else
        pack_steps(rows.plain, steps, slice->rows, a);
}

static void pack_side_b(
    const expert_ffn_call *call, const gradient_slice *slice, int64_t position, int64_t steps, word *b) {
    const side *s = &slice->of->b;
    side_rows rows;
    point_to_rows(call, s, position, steps, slice->column, &rows);
    if (s->kind == HIDDEN)
        pack_hidden_columns(rows.hidden, steps, slice->column, slice->columns, s->m.cols, b);
    else
        pack_gathered_columns(rows.plain, steps, slice->columns, b);
}

// ---- Sums ----

// c [slice] (+)= aᵀ · b over `steps` packed steps.
static void add_product(const gradient_slice *slice, int64_t steps, const workspace *space, float *c,
    int64_t stride, bool accumulate, prefetch_queue *queue) {
    int64_t panels = divide_up(slice->rows, MR), depth = depth_of(steps);
    const word *b = space->steps_b;
    for (int64_t j = 0; j < slice->columns; j += NR, b += depth * NR)
        for (int64_t p = 0; p < panels; p++) {
            int64_t first = even_cut(slice->rows, panels, p), last = even_cut(slice->rows, panels, p + 1);
            float *target[MR];
            for (int64_t r = first; r < last; r++) target[r - first] = c + r * stride;
            micro_tile product = {.depth = depth,
                .a = space->steps_a + p * step_panel(steps),
                .b = b,
                .c = target,
                .first = j,
                .cols = least(slice->columns - j, NR),
                .accumulate = accumulate};
            prefetch_queue_take(queue, &product);
            micro_kernel_by_step(last - first, &product);
        }
}

static void *slice_row(const gradient_slice *slice, int64_t row) {
    matrix sum = slice->of->sum;
    char *start = matrix_row(sum, slice->expert * slice->of->a.m.cols + slice->row + row);
    return start + slice->column * (int64_t)dtype_size(sum.type);
}

static void clear_slice(const gradient_slice *slice) {
    for (int64_t r = 0; r < slice->rows; r++)
        memset(slice_row(slice, r), 0, (size_t)slice->columns * dtype_size(slice->of->sum.type));
}

static void round_slice(const gradient_slice *slice, const float *sums, bool overwrite) {
    for (int64_t r = 0; r < slice->rows; r++, sums += ROUNDED_SLICE) {
        operand *row = slice_row(slice, r);
        for (int64_t j = 0; j < slice->columns; j += LANES) {
            int64_t n = slice->columns - j;
            vec sum = load_row_end(sums + j, n);
            if (!overwrite) sum += load_operands(row + j, n);
            store_operands(row + j, n, sum);
        }
    }
}

static void sum_slice(void *context, int64_t task, int thread) {
    const gradient_work *work = context;
    const expert_run *run = work->run;
    const workspace *space = &run->spaces[thread];
    gradient_slice slice = slice_of(work, task), later = slice_of(work, task + run->thread_count);
    bool rounded = slice.of->sum.type != TYPE_REAL;
    float *c = rounded ? space->slice : slice_row(&slice, 0);
    int64_t stride = rounded ? ROUNDED_SLICE : slice.of->sum.stride;
    if (slice.first == slice.last) {
        if (work->overwrite) clear_slice(&slice);
        return;
    }
    micro_kernel_begin();
    for (int64_t p = slice.first, next; p < slice.last; p = next) {
        int64_t steps = steps_from(&slice, p);
        prefetch_queue queue;
        prefetch_queue_clear(&queue);
        next = p + steps;
        if (next < slice.last)
            queue_steps(run, &slice, next, &queue);
        else if (later.of)
            queue_steps(run, &later, later.first, &queue);
        pack_side_a(run->call, &slice, p, steps, space->steps_a);
        pack_side_b(run->call, &slice, p, steps, space->steps_b);
        add_product(
            &slice, steps, space, c, stride, p > slice.first || !(rounded || work->overwrite), &queue);
    }
    micro_kernel_end();
    if (rounded) round_slice(&slice, space->slice, work->overwrite);
}

static sigmoe_status step_buffers_new(const kernel_context *context, const gradient_work *work) {
    int64_t rows = 0, columns = 0;
    bool rounded = false;
    for (int i = 0; i < work->count; i++) {
        const gradient *g = &work->gradients[i];
        rows = most(rows, least(g->a.m.cols, SLICE));
        columns = most(columns, least(g->b.m.cols, SLICE));
        rounded = rounded || g->sum.type != TYPE_REAL;
    }
    for (int i = 0; i < work->run->thread_count; i++) {
        workspace *space = &work->run->spaces[i];
        TRY(ARENA_NEW_RAW(context->scratch, space->steps_a, divide_up(rows, MR) * step_panel(MOST_STEPS)));
        TRY(ARENA_NEW_RAW(context->scratch, space->steps_b, round_up(columns, NR) * depth_of(MOST_STEPS)));
        if (rounded) TRY(ARENA_NEW_RAW(context->scratch, space->slice, ROUNDED_SLICE * ROUNDED_SLICE));
    }
    return SIGMOE_OK;
}

// ---- Biases ----

// sum [experts, columns] = Σ rows over the positions of each expert, with the pairs' weights if `weighted`.
typedef struct bias_work {
    const expert_run *run;
    matrix sum;
    side rows;
    bool weighted, overwrite;
} bias_work;

static void sum_bias_slice(void *context, int64_t task, int thread) {
    (void)thread;
    const bias_work *work = context;
    const expert_ffn_call *call = work->run->call;
    const expert_grouping *g = call->grouping;
    int64_t slices = divide_up(work->sum.cols, BIAS_SLICE), expert = task / slices;
    int64_t column = task % slices * BIAS_SLICE, columns = least(work->sum.cols - column, BIAS_SLICE);
    bool rounded = work->sum.type != TYPE_REAL;
    void *out = (char *)matrix_row(work->sum, expert) + column * (int64_t)dtype_size(work->sum.type);
    if (g->offset[expert] == g->offset[expert + 1] && !work->overwrite) return;
    vec sums[BIAS_SLICE / LANES];
    for (int64_t j = 0; j < columns; j += LANES) {
        int64_t n = columns - j;
        vec old = rounded ? load_operands((operand *)out + j, n) : load_row_end((float *)out + j, n);
        sums[j / LANES] = work->overwrite ? vec_all(0) : old;
    }
    for (int64_t p = g->offset[expert]; p < g->offset[expert + 1]; p++) {
        side_rows rows;
        point_to_rows(call, &work->rows, p, 1, column, &rows);
        vec weight = vec_all(work->weighted ? call->weight[g->pair[p]] : 1);
        for (int64_t j = 0; j < columns; j += LANES)
            sums[j / LANES] = vec_fma(weight, load_operands(rows.plain[0] + j, columns - j), sums[j / LANES]);
    }
    for (int64_t j = 0; j < columns; j += LANES)
        if (rounded)
            store_operands((operand *)out + j, columns - j, sums[j / LANES]);
        else
            store_row_end((float *)out + j, columns - j, sums[j / LANES]);
}

static void sum_bias(const kernel_context *context, const bias_work *work) {
    if (!work->sum.data) return;
    int64_t slices = divide_up(work->sum.cols, BIAS_SLICE);
    parallel_for(context->threads, work->sum.rows * slices, sum_bias_slice, (void *)work);
}

// ---- All of them ----

static sigmoe_status sum_weight_gradients(const kernel_context *context, const expert_run *run) {
    const expert_ffn_gradients *g = run->gradients;
    const side x = {BY_TOKEN, run->call->x}, dy = {BY_TOKEN, g->dy}, hidden = {HIDDEN, run->call->hidden},
               dbefore = {BY_POSITION, run->dbefore};
    gradient_work work = {.run = run, .overwrite = g->overwrite};
    THREADS_PART(context->threads, "experts: gradients of weights");
    add_gradient(&work, g->dup, x, dbefore);
    add_gradient(&work, g->ddown, hidden, dy);
    TRY(step_buffers_new(context, &work));
    if (work.count > 0)
        parallel_for(context->threads, run->call->set.experts * slices_of_expert(&work), sum_slice, &work);
    sum_bias(context, &(bias_work){run, g->dup_bias, dbefore, false, g->overwrite});
    sum_bias(context, &(bias_work){run, g->ddown_bias, dy, true, g->overwrite});
    return SIGMOE_OK;
}
