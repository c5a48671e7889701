// The backward: recomputes a tile's probabilities from logsumexp, then every product that the scores were part of.
// Included by the _avx2.c and _avx512.c files.
//
// With p the probabilities, g = dout · vᵀ and D = dout · out (one number a query), a score's gradient is τ · s where
//   s = p ∘ (g − D).  dv = pᵀ · dout, dk = τ sᵀ · (q + u), dq = τ (s · k + shifted s · r), dr = τ (shifted s)ᵀ · (q + v),
//   du and dv_bias are the two halves of dq summed over the queries, dτ = Σ s ∘ score.  τ is applied once, at the end.
#pragma once

#include "kernels/relative_attention/fast_layout.h"

// A tile of scores is QUERIES_PER_TILE x CHUNK. A task is one head of some sequences; their number follows from the shapes
// alone, so that partial sums stay few and the bits do not depend on the threads.
enum { QUERIES_PER_TILE = 64, MOST_BACKWARD_TASKS = 256, POSITIONS_PER_TASK = 64 };

// What a thread works in.
typedef struct backward_scratch {
    float *key_columns, *value_columns; // column tiles of all keys
    float *keys;                        // [T, padded]
    float *content, *position, *dout;   // (q + u), (q + v), dout: [Q rounded up, padded]
    float *correction, *logsumexp;      // D and the logsumexp of each query: [Q rounded up]
    float *scores, *probabilities; // [QUERIES_PER_TILE, SCORES_STEP]: scores become s, dout · vᵀ becomes p
    float *dk, *dv;                // [T rounded up, padded]
    float *dq_content, *dq_position; // [QUERIES_PER_TILE, padded]
} backward_scratch;

// What a task sums over its sequences.
typedef struct backward_partial {
    float *dpositions; // [TILE_ROWS + T + TILE_ROWS, padded]: what falls outside is discarded
    float *dcontent_bias, *dposition_bias; // [padded]
    double dscale;
} backward_partial;

typedef struct backward_work {
    const attention_call *call;
    const attention_gradients *gradients;
    attention_sizes sizes;
    position_packing positions;
    backward_scratch *scratch;           // [threads]
    int64_t groups, sequences_per_group; // task = head * groups + group
    backward_partial *partials;          // [tasks]
} backward_work;

static sigmoe_status take_backward_scratch(
    arena *a, const attention_sizes *sizes, backward_scratch *scratch) {
    int64_t padded = sizes->padded, columns = packed_columns_count(sizes->keys, sizes->width);
    int64_t rows = round_up(sizes->queries, TILE_ROWS), keys = round_up(sizes->keys, TILE_ROWS);
    TRY(ARENA_NEW_RAW(a, scratch->key_columns, columns));
    TRY(ARENA_NEW_RAW(a, scratch->value_columns, columns));
    TRY(ARENA_NEW_RAW(a, scratch->keys, sizes->keys * padded));
    TRY(ARENA_NEW_RAW(a, scratch->content, rows * padded));
    TRY(ARENA_NEW_RAW(a, scratch->position, rows * padded));
    TRY(ARENA_NEW_RAW(a, scratch->dout, rows * padded));
    // Zeroed: the last strip reads them behind the last query.
    TRY(ARENA_NEW(a, scratch->correction, rows));
    TRY(ARENA_NEW(a, scratch->logsumexp, rows));
    TRY(ARENA_NEW_RAW(a, scratch->scores, QUERIES_PER_TILE * SCORES_STEP));
    TRY(ARENA_NEW_RAW(a, scratch->probabilities, QUERIES_PER_TILE * SCORES_STEP));
    TRY(ARENA_NEW_RAW(a, scratch->dk, keys * padded));
    TRY(ARENA_NEW_RAW(a, scratch->dv, keys * padded));
    TRY(ARENA_NEW_RAW(a, scratch->dq_content, QUERIES_PER_TILE * padded));
    return ARENA_NEW_RAW(a, scratch->dq_position, QUERIES_PER_TILE * padded);
}

// Turns a row of scores and of dout · vᵀ into s and p. n keys are visible, of `columns` that the strip has; behind n both
// rows become 0 where a product may read them, and the scores in front too. Returns Σ s ∘ score in lanes.
static vec score_gradients(float *scores, float *probabilities, int64_t n, int64_t columns, float scale,
    float logsumexp, float correction) {
    vec factor = vec_all(scale), shift = vec_all(-logsumexp), mean = vec_all(correction);
    vec dscale = vec_all(0.0f);
    int64_t c = 0;
    for (; c + LANES <= n; c += LANES) {
        vec score = vec_load(scores + c), p = vec_exp(vec_fma(score, factor, shift));
        vec s = p * (vec_load(probabilities + c) - mean);
        dscale = vec_fma(s, score, dscale);
        vec_store(probabilities + c, p);
        vec_store(scores + c, s);
    }
    if (c < n) {
        vec score = vec_fill_rest(vec_load(scores + c), n - c, 0.0f);
        vec p = vec_fill_rest(vec_exp(vec_fma(score, factor, shift)), n - c, 0.0f);
        vec s = vec_fill_rest(p * (vec_load(probabilities + c) - mean), n - c, 0.0f);
        dscale = vec_fma(s, score, dscale);
        vec_store(probabilities + c, p);
        vec_store(scores + c, s);
        c += LANES;
    }
    for (; c < columns + TILE_ROWS; c += LANES) {
        vec_store(probabilities + c, vec_all(0.0f));
        vec_store(scores + c, vec_all(0.0f));
    }
    vec_store(scores - LANES, vec_all(0.0f));
    return dscale;
}

// One head of some sequences, on one thread.
typedef struct backward_task {
    const attention_call *call;
    attention_sizes sizes;
    const backward_scratch *scratch;
    backward_partial *partial;
    const float *position_columns, *position_rows; // of the head
} backward_task;

// A strip of queries from i in the tile from first_query, keys [j, j + CHUNK): s and p, and what they add to dq.
static void backward_strip(const backward_task *task, int64_t first_query, int64_t i, int64_t j) {
    const attention_sizes *sizes = &task->sizes;
    const backward_scratch *scratch = task->scratch;
    int64_t padded = sizes->padded, row = i - first_query;
    int64_t n = least(least(sizes->memory + i + TILE_ROWS, sizes->keys) - j, CHUNK);
    float *scores = scratch->scores + row * SCORES_STEP;
    float *probabilities = scratch->probabilities + row * SCORES_STEP;
    strip_operands operands = {.content = scratch->content + i * padded,
        .position = scratch->position + i * padded,
        .keys = scratch->key_columns,
        .positions = task->position_columns};
    strip_scores(sizes, &operands, i, j, n, scores);
    product_set(&(strip_product){.left = scratch->dout + i * padded,
        .left_step = padded,
        .right = scratch->value_columns + j * sizes->width,
        .right_step = TILE_COLUMNS,
        .right_tile_step = TILE_COLUMNS * sizes->width,
        .depth = sizes->width,
        .c = probabilities + LANES,
        .c_step = SCORES_STEP,
        .vectors = vectors_of(n)});
    vec dscale = vec_all(0.0f);
    for (int64_t r = 0; r < TILE_ROWS; r++)
        dscale += score_gradients(scores + r * SCORES_STEP + LANES, probabilities + r * SCORES_STEP + LANES,
            least(sizes->memory + i + r + 1 - j, n), n, task->call->scale, scratch->logsumexp[i + r],
            scratch->correction[i + r]);
    task->partial->dscale += (double)vec_sum(dscale);

    strip_product product = {.left = scores + LANES,
        .left_step = SCORES_STEP,
        .right = scratch->keys + j * padded,
        .right_step = padded,
        .right_tile_step = TILE_COLUMNS,
        .depth = n,
        .c = scratch->dq_content + row * padded,
        .c_step = padded,
        .vectors = padded / LANES};
    product_add(&product);
    // By positions the rows are one step further apart; the strip's last row begins with its first key.
    product.left = scores + LANES - (TILE_ROWS - 1);
    product.left_step = SCORES_STEP + 1;
    product.right = task->position_rows + (TILE_ROWS + first_position(sizes, i, j)) * padded;
    product.depth = n + TILE_ROWS - 1;
    product.c = scratch->dq_position + row * padded;
    product_add(&product);
}

// dk, dv of the keys [j, end) from the queries [first, last) of the tile that begins at first_query.
static void add_key_gradients(
    const backward_task *task, int64_t first_query, int64_t first, int64_t last, int64_t j, int64_t end) {
    const backward_scratch *scratch = task->scratch;
    int64_t padded = task->sizes.padded;
    for (int64_t key = j; key < end; key += TILE_ROWS) {
        int64_t i = most(first, key - task->sizes.memory);
        int64_t corner = (i - first_query) * SCORES_STEP + LANES + key - j;
        strip_product product = {.left = scratch->probabilities + corner,
            .left_step = SCORES_STEP,
            .right = scratch->dout + i * padded,
            .right_step = padded,
            .right_tile_step = TILE_COLUMNS,
            .depth = last - i,
            .c = scratch->dv + key * padded,
            .c_step = padded,
            .vectors = padded / LANES};
        transposed_product_add(&product);
        product.left = scratch->scores + corner;
        product.right = scratch->content + i * padded;
        product.c = scratch->dk + key * padded;
        transposed_product_add(&product);
    }
}

// The gradient of the positions that the queries [first, last) and the keys [j, end) meet at.
static void add_position_gradients(
    const backward_task *task, int64_t first_query, int64_t first, int64_t last, int64_t j, int64_t end) {
    const attention_sizes *sizes = &task->sizes;
    int64_t padded = sizes->padded, shift = sizes->queries - 1; // position = key - query + shift
    int64_t low = j - (last - 1) + shift, high = least(end - 1 - first + shift, sizes->keys - 1);
    for (int64_t position = low; position <= high; position += TILE_ROWS) {
        // Queries that meet any of the strip's positions in this chunk.
        int64_t from = most(first, j - (position + TILE_ROWS - 1) + shift);
        int64_t to = least(last, end - position + shift);
        int64_t key = position + from - shift;
        transposed_product_add(&(strip_product){
            .left = task->scratch->scores + (from - first_query) * SCORES_STEP + LANES + key - j,
            .left_step = SCORES_STEP + 1,
            .right = task->scratch->position + from * padded,
            .right_step = padded,
            .right_tile_step = TILE_COLUMNS,
            .depth = to - from,
            .c = task->partial->dpositions + (TILE_ROWS + position) * padded,
            .c_step = padded,
            .vectors = padded / LANES});
    }
}

static void add_rows(float *sum, const float *rows, int64_t count, int64_t padded) {
    for (int64_t i = 0; i < count; i++, rows += padded)
        for (int64_t c = 0; c < padded; c += LANES)
            vec_store(sum + c, vec_load(sum + c) + vec_load(rows + c));
}

// dq of the tile's queries is complete: to its place, and into the gradients of the biases.
static void finish_queries(const backward_task *task, matrix dq) {
    const backward_scratch *scratch = task->scratch;
    int64_t rows = dq.rows, padded = task->sizes.padded;
    add_rows(task->partial->dcontent_bias, scratch->dq_content, rows, padded);
    add_rows(task->partial->dposition_bias, scratch->dq_position, rows, padded);
    for (int64_t c = 0; c < rows * padded; c += LANES)
        vec_store(
            scratch->dq_content + c, vec_load(scratch->dq_content + c) + vec_load(scratch->dq_position + c));
    unpack_rows(dq, scratch->dq_content, task->call->scale);
}

static void backward_tile(const backward_task *task, int64_t first_query, int64_t last) {
    const attention_sizes *sizes = &task->sizes;
    size_t dq_bytes = (size_t)(QUERIES_PER_TILE * sizes->padded) * sizeof(float);
    memset(task->scratch->dq_content, 0, dq_bytes);
    memset(task->scratch->dq_position, 0, dq_bytes);
    for (int64_t j = 0; j < sizes->memory + last; j += CHUNK) {
        int64_t end = least(j + CHUNK, sizes->memory + last);
        // The first strip with a query that sees key j.
        int64_t hidden = most(j - sizes->memory - first_query, 0);
        int64_t first = first_query + hidden / TILE_ROWS * TILE_ROWS;
        for (int64_t i = first; i < last; i += TILE_ROWS) backward_strip(task, first_query, i, j);
        add_key_gradients(task, first_query, first, last, j, end);
        add_position_gradients(task, first_query, first, last, j, end);
    }
}

// The rows behind the last query are zeros: they take part in the last strip.
static void pack_queries(float *to, matrix from, const float *bias) {
    int64_t padded = round_up(from.cols, LANES), behind = round_up(from.rows, TILE_ROWS) - from.rows;
    pack_rows(to, from, bias);
    memset(to + from.rows * padded, 0, (size_t)(behind * padded) * sizeof *to);
}

// D of each query, from dout [Q, padded] as packed and out as it lies.
static void pack_corrections(float *correction, const float *dout, matrix out) {
    int64_t whole = out.cols / LANES * LANES, rest = out.cols - whole, padded = round_up(out.cols, LANES);
    const float *row = matrix_real(out);
    for (int64_t i = 0; i < out.rows; i++, dout += padded, row += out.stride) {
        if (i + ROWS_AHEAD < out.rows) prefetch_row(row + ROWS_AHEAD * out.stride, out.cols);
        vec sum = vec_all(0.0f);
        if (rest) sum = vec_load(dout + whole) * vec_load_part(row + whole, rest);
        for (int64_t c = 0; c < whole; c += LANES) sum = vec_fma(vec_load(dout + c), vec_load(row + c), sum);
        correction[i] = vec_sum(sum);
    }
}

static void pack_sequence(const backward_task *task, matrix dout, int64_t sequence, int64_t head) {
    const attention_call *call = task->call;
    const backward_scratch *scratch = task->scratch;
    int64_t queries = task->sizes.queries, keys = task->sizes.keys, width = task->sizes.width;
    matrix q = head_part(call->q, sequence, queries, head, width);
    pack_rows(scratch->keys, head_part(call->k, sequence, keys, head, width), NULL);
    // From the copy just made, which is in the cache.
    pack_column_tiles(
        scratch->key_columns, (matrix){scratch->keys, TYPE_REAL, keys, width, task->sizes.padded});
    pack_column_tiles(scratch->value_columns, head_part(call->v, sequence, keys, head, width));
    pack_queries(scratch->content, q, call->content_bias + head * width);
    pack_queries(scratch->position, q, call->position_bias + head * width);
    pack_queries(scratch->dout, head_part(dout, sequence, queries, head, width), NULL);
    pack_corrections(
        scratch->correction, scratch->dout, head_part(call->out, sequence, queries, head, width));
    memcpy(scratch->logsumexp, call->logsumexp + (sequence * call->heads + head) * queries,
        (size_t)queries * sizeof(float));
}

static void backward_sequence(
    const backward_task *task, const attention_gradients *gradients, int64_t sequence, int64_t head) {
    const attention_sizes *sizes = &task->sizes;
    const backward_scratch *scratch = task->scratch;
    int64_t queries = sizes->queries, keys = sizes->keys, width = sizes->width;
    matrix dq = head_part(gradients->dq, sequence, queries, head, width);
    pack_sequence(task, gradients->dout, sequence, head);
    size_t key_bytes = (size_t)(round_up(keys, TILE_ROWS) * sizes->padded) * sizeof(float);
    memset(scratch->dk, 0, key_bytes);
    memset(scratch->dv, 0, key_bytes);
    for (int64_t i = 0; i < queries; i += QUERIES_PER_TILE) {
        int64_t last = least(i + QUERIES_PER_TILE, queries);
        backward_tile(task, i, last);
        finish_queries(task, matrix_part(dq, i, last - i, 0, width));
    }
    unpack_rows(head_part(gradients->dk, sequence, keys, head, width), scratch->dk, task->call->scale);
    unpack_rows(head_part(gradients->dv, sequence, keys, head, width), scratch->dv, 1.0f);
}

static void backward_group(void *context, int64_t index, int thread) {
    const backward_work *work = context;
    const attention_sizes *sizes = &work->sizes;
    int64_t head = index % work->call->heads, group = index / work->call->heads;
    backward_task task = {.call = work->call,
        .sizes = work->sizes,
        .scratch = &work->scratch[thread],
        .partial = &work->partials[head * work->groups + group],
        .position_columns = work->positions.columns + head * sizes->width * sizes->position_step,
        .position_rows = work->positions.rows + head * position_rows_count(sizes)};
    memset(task.partial->dpositions, 0, (size_t)position_rows_count(sizes) * sizeof(float));
    int64_t first = group * work->sequences_per_group;
    int64_t last = least(first + work->sequences_per_group, work->call->batch);
    for (int64_t sequence = first; sequence < last; sequence++)
        backward_sequence(&task, work->gradients, sequence, head);
}

// A block of rows of dpositions of one head: the groups' partial sums in their order.
static void sum_positions(void *context, int64_t task, int thread) {
    (void)thread;
    const backward_work *work = context;
    const attention_sizes *sizes = &work->sizes;
    int64_t head = task % work->call->heads, first = task / work->call->heads * POSITIONS_PER_TASK;
    int64_t rows = least(sizes->keys - first, POSITIONS_PER_TASK), padded = sizes->padded;
    const backward_partial *partials = work->partials + head * work->groups;
    int64_t offset = (TILE_ROWS + first) * padded;
    float *sum = partials[0].dpositions + offset;
    for (int64_t group = 1; group < work->groups; group++)
        for (int64_t c = 0; c < rows * padded; c += LANES)
            vec_store(sum + c, vec_load(sum + c) + vec_load(partials[group].dpositions + offset + c));
    matrix dpositions =
        matrix_part(work->gradients->dpositions, first, rows, head * sizes->width, sizes->width);
    unpack_rows(dpositions, sum, work->call->scale);
}

static void sum_parameters(const backward_work *work) {
    const attention_call *call = work->call;
    const attention_gradients *gradients = work->gradients;
    double dscale = 0.0;
    for (int64_t task = 0; task < call->heads * work->groups; task++) {
        const backward_partial *partial = &work->partials[task];
        int64_t column = task / work->groups * work->sizes.width;
        for (int64_t c = 0; c < work->sizes.width; c++) {
            gradients->dcontent_bias[column + c] += call->scale * partial->dcontent_bias[c];
            gradients->dposition_bias[column + c] += call->scale * partial->dposition_bias[c];
        }
        dscale += partial->dscale;
    }
    *gradients->dscale += (float)dscale;
}

static sigmoe_status take_partials(arena *scratch, backward_work *work) {
    int64_t tasks = work->call->heads * work->groups;
    TRY(ARENA_NEW(scratch, work->partials, tasks));
    for (int64_t i = 0; i < tasks; i++) {
        backward_partial *partial = &work->partials[i];
        TRY(ARENA_NEW_RAW(scratch, partial->dpositions, position_rows_count(&work->sizes)));
        TRY(ARENA_NEW(scratch, partial->dcontent_bias, work->sizes.padded));
        TRY(ARENA_NEW(scratch, partial->dposition_bias, work->sizes.padded));
    }
    return SIGMOE_OK;
}

static sigmoe_status backward_in(
    const kernel_context *context, const attention_call *call, const attention_gradients *gradients) {
    backward_work work = {.call = call, .gradients = gradients, .sizes = sizes_of(call)};
    const attention_sizes *sizes = &work.sizes;
    arena *scratch = context->scratch;
    int64_t heads = call->heads;
    work.sequences_per_group = block_count(call->batch * heads, MOST_BACKWARD_TASKS);
    work.groups = block_count(call->batch, work.sequences_per_group);
    work.positions = (position_packing){.call = call, .sizes = *sizes};
    TRY(ARENA_NEW_RAW(scratch, work.positions.columns, heads * sizes->width * sizes->position_step));
    TRY(ARENA_NEW_RAW(scratch, work.positions.rows, heads * position_rows_count(sizes)));
    TRY(ARENA_NEW(scratch, work.scratch, threads_count(context->threads)));
    for (int i = 0; i < threads_count(context->threads); i++)
        TRY(take_backward_scratch(scratch, sizes, &work.scratch[i]));
    TRY(take_partials(scratch, &work));
    parallel_for(context->threads, heads, pack_positions_of_head, &work.positions);
    parallel_for(context->threads, heads * work.groups, backward_group, &work);
    parallel_for(
        context->threads, heads * block_count(sizes->keys, POSITIONS_PER_TASK), sum_positions, &work);
    sum_parameters(&work);
    return SIGMOE_OK;
}

static sigmoe_status backward(
    const kernel_context *context, const attention_call *call, const attention_gradients *gradients) {
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = backward_in(context, call, gradients);
    arena_release(context->scratch, mark);
    return status;
}
