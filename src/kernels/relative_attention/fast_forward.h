// The forward: each strip of queries iterates over its keys in chunks, with an online softmax (Milakov and Gimelshein 2018).
// Included after operands and products (strips.h).
#pragma once

#include "kernels/relative_attention/fast_layout.h"

enum { QUERIES_PER_TASK = 256 };

// The buffers of one thread.
typedef struct forward_scratch {
    operand *keys;               // column tiles of all keys
    operand *values;             // [T, padded], packed by words
    operand *value_rows;         // [T, padded]
    operand *content, *position; // (q + u), (q + v): [queries of a task, padded]
    float *scores;               // [TILE_ROWS, SCORES_STEP]
    operand *weights;            // their exponentials, in the same layout
    float *out;                  // [TILE_ROWS, padded]
} forward_scratch;

typedef struct forward_work {
    const attention_call *call;
    attention_sizes sizes;
    position_packing positions;
    forward_scratch *scratch; // [threads]
    int64_t blocks;           // blocks of queries per sequence
} forward_work;

static sigmoe_status take_forward_scratch(arena *a, const attention_sizes *sizes, forward_scratch *scratch) {
    // Zeroed: the last strip reads rows beyond the last query.
    int64_t rows = round_up(least(sizes->queries, QUERIES_PER_TASK), TILE_ROWS);
    TRY(ARENA_NEW(a, scratch->content, rows * sizes->padded));
    TRY(ARENA_NEW(a, scratch->position, rows * sizes->padded));
    int64_t values = round_up(sizes->keys, PER_WORD) * sizes->padded;
    TRY(ARENA_NEW_RAW(a, scratch->keys, packed_columns_count(sizes->keys, sizes)));
    TRY(ARENA_NEW_RAW(a, scratch->value_rows, values));
    TRY(take_words(a, scratch->value_rows, values, &scratch->values));
    TRY(ARENA_NEW_RAW(a, scratch->scores, TILE_ROWS * SCORES_STEP));
    // f32 exponentials replace their scores in place.
    scratch->weights = (operand *)scratch->scores;
    if (PER_WORD > 1) TRY(ARENA_NEW_RAW(a, scratch->weights, TILE_ROWS * SCORES_STEP));
    return ARENA_NEW_RAW(a, scratch->out, TILE_ROWS * sizes->padded);
}

// The running softmax of a row: the largest scaled score so far, and the sum of exponentials relative to it.
typedef struct running_softmax {
    float largest, total;
} running_softmax;

// Turns n scores into e^(scale * score - largest), with 0 in the rest of the vectors up to n + LANES, and returns the factor
// for the earlier sums. n may be 0 or negative: the chunk is not visible to the row.
static float softmax_chunk(
    const float *row, operand *weights, int64_t n, float scale, running_softmax *running) {
    if (n <= 0) {
        store_operands(weights, LANES, vec_all(0.0f));
        return 1.0f;
    }
    int64_t whole = n / LANES * LANES, rest = n - whole;
    vec s = vec_all(scale), top = vec_all(-INFINITY);
    for (int64_t c = 0; c < whole; c += LANES) top = vec_max(top, vec_load(row + c) * s);
    if (rest) top = vec_max(top, vec_fill_rest(vec_load(row + whole) * s, rest, -INFINITY));
    float largest = fmaxf(running->largest, vec_greatest(top));
    float factor = expf(running->largest - largest);
    vec shift = vec_all(-largest), sum = vec_all(0.0f);
    for (int64_t c = 0; c < whole; c += LANES) {
        vec p = vec_exp(vec_fma(vec_load(row + c), s, shift));
        store_operands(weights + c, LANES, p);
        sum += p;
    }
    if (rest) {
        vec p = vec_fill_rest(vec_exp(vec_fma(vec_load(row + whole), s, shift)), rest, 0.0f);
        store_operands(weights + whole, LANES, p);
        sum += p;
    }
    store_operands(weights + round_up(n, LANES), LANES, vec_all(0.0f));
    running->total = running->total * factor + vec_sum(sum);
    running->largest = largest;
    return factor;
}

static void scale_row(float *row, int64_t padded, float factor) {
    for (int64_t c = 0; c < padded; c += LANES) vec_store(row + c, vec_load(row + c) * vec_all(factor));
}

// out [TILE_ROWS, padded] of the queries from i, not yet divided by the sums.
static void forward_strip(const forward_work *work, const forward_scratch *scratch,
    const strip_operands *operands, int64_t i, running_softmax *running) {
    const attention_sizes *sizes = &work->sizes;
    int64_t end = least(sizes->memory + i + TILE_ROWS, sizes->keys);
    for (int64_t j = 0; j < end; j += CHUNK) {
        int64_t n = least(end - j, CHUNK);
        strip_scores(sizes, operands, i, j, n, scratch->scores);
        for (int64_t r = 0; r < TILE_ROWS; r++) {
            int64_t visible = least(sizes->memory + i + r + 1 - j, n);
            int64_t at = r * SCORES_STEP + LANES;
            float factor = softmax_chunk(
                scratch->scores + at, scratch->weights + at, visible, work->call->scale, &running[r]);
            if (j > 0 && factor != 1.0f) scale_row(scratch->out + r * sizes->padded, sizes->padded, factor);
        }
        strip_product product = {.left = scratch->weights + LANES,
            .left_step = SCORES_STEP,
            .right = scratch->values + j * sizes->padded,
            .right_step = sizes->padded * PER_WORD,
            .right_tile_step = TILE_WORDS,
            .words = words_of(n),
            .c = scratch->out,
            .c_step = sizes->padded,
            .vectors = sizes->padded / LANES};
        if (j == 0)
            product_set(&product);
        else
            product_add(&product);
    }
}

static void forward_queries(const forward_work *work, const forward_scratch *scratch, int64_t head,
    int64_t first, matrix out, float *logsumexp) {
    const attention_sizes *sizes = &work->sizes;
    for (int64_t i = 0; i < out.rows; i += TILE_ROWS) {
        running_softmax running[TILE_ROWS];
        for (int r = 0; r < TILE_ROWS; r++) running[r] = (running_softmax){-INFINITY, 0.0f};
        strip_operands operands = {.content = scratch->content + i * sizes->padded,
            .position = scratch->position + i * sizes->padded,
            .keys = scratch->keys,
            .positions = work->positions.columns + head * position_columns_count(sizes)};
        forward_strip(work, scratch, &operands, first + i, running);
        int64_t rows = least(out.rows - i, TILE_ROWS);
        for (int64_t r = 0; r < rows; r++) {
            scale_row(scratch->out + r * sizes->padded, sizes->padded, 1.0f / running[r].total);
            logsumexp[i + r] = running[r].largest + logf(running[r].total);
        }
        unpack_rows(matrix_part(out, i, rows, 0, out.cols), scratch->out, 1.0f);
    }
}

// A block of queries of one head of one sequence. Heads are the innermost loop: their rows share cache lines.
static void forward_block(void *context, int64_t task, int thread) {
    const forward_work *work = context;
    const forward_scratch *scratch = &work->scratch[thread];
    const attention_call *call = work->call;
    int64_t width = work->sizes.width, queries = work->sizes.queries, keys = work->sizes.keys;
    int64_t head = task % call->heads, block = task / call->heads % work->blocks;
    int64_t sequence = task / call->heads / work->blocks;
    int64_t first = block * QUERIES_PER_TASK, rows = least(queries - first, QUERIES_PER_TASK);
    int64_t visible = work->sizes.memory + first + rows;

    matrix q = head_part(call->q, sequence, queries, head, width);
    matrix k = head_part(call->k, sequence, keys, head, width);
    matrix v = head_part(call->v, sequence, keys, head, width);
    pack_column_tiles(scratch->keys, matrix_part(k, 0, visible, 0, width), &work->sizes);
    pack_rows(scratch->value_rows, matrix_part(v, 0, visible, 0, width), NULL);
    group_rows(scratch->values, scratch->value_rows, visible, work->sizes.padded);
    pack_rows(scratch->content, matrix_part(q, first, rows, 0, width), call->content_bias + head * width);
    pack_rows(scratch->position, matrix_part(q, first, rows, 0, width), call->position_bias + head * width);

    matrix out = head_part(call->out, sequence, queries, head, width);
    begin_products();
    forward_queries(work, scratch, head, first, matrix_part(out, first, rows, 0, width),
        call->logsumexp + (sequence * call->heads + head) * queries + first);
    end_products();
}

static sigmoe_status forward_in(const kernel_context *context, const attention_call *call) {
    forward_work work = {.call = call,
        .sizes = sizes_of(call),
        .positions = {.call = call, .sizes = sizes_of(call)},
        .blocks = divide_up(call->queries, QUERIES_PER_TASK)};
    const attention_sizes *sizes = &work.sizes;
    arena *scratch = context->scratch;
    TRY(ARENA_NEW_RAW(scratch, work.positions.columns, call->heads * position_columns_count(sizes)));
    TRY(ARENA_NEW(scratch, work.scratch, threads_count(context->threads)));
    for (int i = 0; i < threads_count(context->threads); i++)
        TRY(take_forward_scratch(scratch, sizes, &work.scratch[i]));
    parallel_for(context->threads, call->heads, pack_positions_of_head, &work.positions);
    parallel_for(context->threads, call->heads * call->batch * work.blocks, forward_block, &work);
    return SIGMOE_OK;
}

static sigmoe_status forward(const kernel_context *context, const attention_call *call) {
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = forward_in(context, call);
    arena_release(context->scratch, mark);
    return status;
}
