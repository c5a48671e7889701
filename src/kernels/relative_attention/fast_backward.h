// The backward: recomputes a tile's probabilities from logsumexp, then all products that involve the scores. Included after
// operands and products (strips.h).
//
// With p the probabilities, g = dout · vᵀ and D = dout · out (one number per query), a score's gradient is τ · s, where
//   s = p ∘ (g − D).  dv = pᵀ · dout, dk = τ sᵀ · (q + u), dq = τ (s · k + shifted s · r), dr = τ (shifted s)ᵀ · (q + v),
//   du and dv_bias are the two halves of dq summed over the queries, dτ = Σ s ∘ score.  τ is applied once, at the end.
#pragma once

#include "kernels/relative_attention/fast_layout.h"

// A tile of scores is QUERIES_PER_TILE x CHUNK. A task is one head of some sequences; their number depends on the shapes alone,
// so that there are few partial sums and the bits do not depend on the threads.
enum { QUERIES_PER_TILE = 64, MOST_BACKWARD_TASKS = 256, POSITIONS_PER_TASK = 64 };
// With f32 words, scores are kept until their tile is done; with pairs, only the operands made from them.
enum {
    SCORE_ROWS = PER_WORD == 1 ? QUERIES_PER_TILE : TILE_ROWS,
    TILE_SCORES = QUERIES_PER_TILE * SCORES_STEP
};

// The buffers of one thread.
typedef struct backward_scratch {
    operand *key_columns, *value_columns; // column tiles of all keys
    operand *key_rows, *keys;             // [T, padded]; the same packed by words
    // (q + u), (q + v), dout: [Q rounded up, padded]; the same packed by words
    operand *content, *position, *dout;
    operand *content_words, *position_words, *dout_words;
    float *correction, *logsumexp; // D and the logsumexp of each query: [Q rounded up]
    // [SCORE_ROWS, SCORES_STEP]: scores, dout · vᵀ, and the s and p computed from them: f32 operands in place
    float *scores, *products;
    operand *score_gradients, *probabilities;
    // By words of queries [QUERIES_PER_TILE, SCORES_STEP]: f32 operands in place. In position_gradients, each query of a word
    // is shifted by one key from the one before, so that a word of queries belongs to one position.
    operand *key_gradients, *position_gradients, *key_probabilities;
    float *dk, *dv;                  // [T rounded up, padded]
    float *dq_content, *dq_position; // [QUERIES_PER_TILE, padded]
} backward_scratch;

// A task's sums over its sequences.
typedef struct backward_partial {
    float *dpositions;                     // [TILE_ROWS + T + TILE_ROWS, padded]; the margins are discarded
    float *dcontent_bias, *dposition_bias; // [padded]
    double dscale;
} backward_partial;

static int64_t dpositions_count(const attention_sizes *sizes) {
    return (sizes->keys + 2 * TILE_ROWS) * sizes->padded;
}

typedef struct backward_work {
    const attention_call *call;
    const attention_gradients *gradients;
    attention_sizes sizes;
    position_packing positions;
    backward_scratch *scratch;           // [threads]
    int64_t groups, sequences_per_group; // task = head * groups + group
    backward_partial *partials;          // [tasks]
} backward_work;

static sigmoe_status take_scores(arena *a, backward_scratch *scratch) {
    TRY(ARENA_NEW_RAW(a, scratch->scores, SCORE_ROWS * SCORES_STEP));
    TRY(ARENA_NEW_RAW(a, scratch->products, SCORE_ROWS * SCORES_STEP));
    scratch->score_gradients = scratch->key_gradients = scratch->position_gradients =
        (operand *)scratch->scores;
    scratch->probabilities = scratch->key_probabilities = (operand *)scratch->products;
    if (PER_WORD == 1) return SIGMOE_OK;
    // Zeroed: elements beyond the end of a row are read, but do not affect results.
    TRY(ARENA_NEW(a, scratch->score_gradients, SCORE_ROWS * SCORES_STEP));
    TRY(ARENA_NEW(a, scratch->probabilities, SCORE_ROWS * SCORES_STEP));
    TRY(ARENA_NEW_RAW(a, scratch->key_gradients, TILE_SCORES));
    TRY(ARENA_NEW_RAW(a, scratch->position_gradients, TILE_SCORES));
    return ARENA_NEW_RAW(a, scratch->key_probabilities, TILE_SCORES);
}

static sigmoe_status take_backward_scratch(
    arena *a, const attention_sizes *sizes, backward_scratch *scratch) {
    int64_t padded = sizes->padded, columns = packed_columns_count(sizes->keys, sizes);
    int64_t rows = round_up(sizes->queries, TILE_ROWS), keys = round_up(sizes->keys, TILE_ROWS);
    TRY(ARENA_NEW_RAW(a, scratch->key_columns, columns));
    TRY(ARENA_NEW_RAW(a, scratch->value_columns, columns));
    TRY(ARENA_NEW_RAW(a, scratch->key_rows, keys * padded));
    TRY(ARENA_NEW_RAW(a, scratch->content, rows * padded));
    TRY(ARENA_NEW_RAW(a, scratch->position, rows * padded));
    TRY(ARENA_NEW_RAW(a, scratch->dout, rows * padded));
    TRY(take_words(a, scratch->key_rows, keys * padded, &scratch->keys));
    TRY(take_words(a, scratch->content, rows * padded, &scratch->content_words));
    TRY(take_words(a, scratch->position, rows * padded, &scratch->position_words));
    TRY(take_words(a, scratch->dout, rows * padded, &scratch->dout_words));
    // Zeroed: the last strip reads beyond the last query.
    TRY(ARENA_NEW(a, scratch->correction, rows));
    TRY(ARENA_NEW(a, scratch->logsumexp, rows));
    TRY(take_scores(a, scratch));
    TRY(ARENA_NEW_RAW(a, scratch->dk, keys * padded));
    TRY(ARENA_NEW_RAW(a, scratch->dv, keys * padded));
    TRY(ARENA_NEW_RAW(a, scratch->dq_content, QUERIES_PER_TILE * padded));
    return ARENA_NEW_RAW(a, scratch->dq_position, QUERIES_PER_TILE * padded);
}

// A row of scores and of dout · vᵀ, and the destinations of s and p.
typedef struct score_row {
    const float *scores, *products;
    operand *gradients, *probabilities;
} score_row;

// n of the strip's `columns` keys are visible. s and p become 0 beyond n as far as a product may read them, and s also in
// front. Returns Σ s ∘ score in lanes.
static vec differentiate_scores(
    const score_row *row, int64_t n, int64_t columns, float scale, float logsumexp, float correction) {
    vec factor = vec_all(scale), shift = vec_all(-logsumexp), mean = vec_all(correction);
    vec dscale = vec_all(0.0f);
    int64_t c = 0;
    for (; c + LANES <= n; c += LANES) {
        vec score = vec_load(row->scores + c), p = vec_exp(vec_fma(score, factor, shift));
        vec s = p * (vec_load(row->products + c) - mean);
        dscale = vec_fma(s, score, dscale);
        store_operands(row->probabilities + c, LANES, p);
        store_operands(row->gradients + c, LANES, s);
    }
    if (c < n) {
        vec score = vec_fill_rest(vec_load(row->scores + c), n - c, 0.0f);
        vec p = vec_fill_rest(vec_exp(vec_fma(score, factor, shift)), n - c, 0.0f);
        vec s = vec_fill_rest(p * (vec_load(row->products + c) - mean), n - c, 0.0f);
        dscale = vec_fma(s, score, dscale);
        store_operands(row->probabilities + c, LANES, p);
        store_operands(row->gradients + c, LANES, s);
        c += LANES;
    }
    for (c = most(c, 0); c < columns + TILE_ROWS; c += LANES) {
        store_operands(row->probabilities + c, LANES, vec_all(0.0f));
        store_operands(row->gradients + c, LANES, vec_all(0.0f));
    }
    store_operands(row->gradients - LANES, LANES, vec_all(0.0f));
    return dscale;
}

// Packs by words of queries the contribution of the strip at `row` of its tile to dv, dk and the positions.
static void group_scores(const backward_scratch *scratch, int64_t row, int64_t columns) {
    if (PER_WORD == 1) return;
    for (int64_t r = 0; r < TILE_ROWS; r += PER_WORD) {
        const operand *s = scratch->score_gradients + r * SCORES_STEP + LANES, *s_next = s + SCORES_STEP;
        const operand *p = scratch->probabilities + r * SCORES_STEP + LANES;
        int64_t to = (row + r) * SCORES_STEP + LANES * PER_WORD;
        words_of_rows(scratch->position_gradients + to - LANES * PER_WORD, s - LANES, s_next - LANES + 1);
        for (int64_t c = 0; c < columns + TILE_ROWS; c += LANES) {
            words_of_rows(scratch->position_gradients + to + c * PER_WORD, s + c, s_next + c + 1);
            words_of_rows(scratch->key_gradients + to + c * PER_WORD, s + c, s_next + c);
            words_of_rows(scratch->key_probabilities + to + c * PER_WORD, p + c, p + SCORES_STEP + c);
        }
    }
}

// One head of some sequences, on one thread.
typedef struct backward_task {
    const attention_call *call;
    attention_sizes sizes;
    const backward_scratch *scratch;
    backward_partial *partial;
    const operand *position_columns, *position_words; // of the head
} backward_task;

// The strip of queries from i in the tile from first_query, with keys [j, j + CHUNK): computes s and p and adds to dq.
static void backward_strip(const backward_task *task, int64_t first_query, int64_t i, int64_t j) {
    const attention_sizes *sizes = &task->sizes;
    const backward_scratch *scratch = task->scratch;
    int64_t padded = sizes->padded, row = i - first_query;
    int64_t n = least(least(sizes->memory + i + TILE_ROWS, sizes->keys) - j, CHUNK);
    int64_t at = row % SCORE_ROWS * SCORES_STEP;
    float *scores = scratch->scores + at, *products = scratch->products + at;
    operand *gradients = scratch->score_gradients + at;
    strip_operands operands = {.content = scratch->content + i * padded,
        .position = scratch->position + i * padded,
        .keys = scratch->key_columns,
        .positions = task->position_columns};
    strip_scores(sizes, &operands, i, j, n, scores);
    product_set(&(strip_product){.left = scratch->dout + i * padded,
        .left_step = padded,
        .right = scratch->value_columns + j * sizes->channels,
        .right_step = TILE_WORDS,
        .right_tile_step = TILE_COLUMNS * sizes->channels,
        .words = words_of(sizes->width),
        .c = products + LANES,
        .c_step = SCORES_STEP,
        .vectors = vectors_of(n)});
    vec dscale = vec_all(0.0f);
    for (int64_t r = 0; r < TILE_ROWS; r++) {
        int64_t first = r * SCORES_STEP + LANES;
        score_row of_query = {
            scores + first, products + first, gradients + first, scratch->probabilities + at + first};
        dscale += differentiate_scores(&of_query, least(sizes->memory + i + r + 1 - j, n), n,
            task->call->scale, scratch->logsumexp[i + r], scratch->correction[i + r]);
    }
    task->partial->dscale += (double)vec_sum(dscale);
    group_scores(scratch, row, n);

    strip_product product = {.left = gradients + LANES,
        .left_step = SCORES_STEP,
        .right = scratch->keys + j * padded,
        .right_step = padded * PER_WORD,
        .right_tile_step = TILE_WORDS,
        .words = words_of(n),
        .c = scratch->dq_content + row * padded,
        .c_step = padded,
        .vectors = padded / LANES};
    product_add(&product);
    // By positions, rows are one step further apart; the strip's last row begins with its first key.
    product.left = gradients + LANES - (TILE_ROWS - 1);
    product.left_step = SCORES_STEP + 1;
    product.right = task->position_words + (sizes->position_front + first_position(sizes, i, j)) * padded;
    product.words = words_of(n + TILE_ROWS - 1);
    product.c = scratch->dq_position + row * padded;
    product_add(&product);
}

// Adds to dk and dv of the keys [j, end), from the queries [first, last) of the tile that starts at first_query.
static void add_key_gradients(
    const backward_task *task, int64_t first_query, int64_t first, int64_t last, int64_t j, int64_t end) {
    const backward_scratch *scratch = task->scratch;
    int64_t padded = task->sizes.padded;
    for (int64_t key = j; key < end; key += TILE_ROWS) {
        int64_t i = most(first, key - task->sizes.memory) / PER_WORD * PER_WORD;
        int64_t corner = (i - first_query) * SCORES_STEP + (LANES + key - j) * PER_WORD;
        strip_product product = {.left = scratch->key_probabilities + corner,
            .left_step = SCORES_STEP * PER_WORD,
            .right = scratch->dout_words + i * padded,
            .right_step = padded * PER_WORD,
            .right_tile_step = TILE_WORDS,
            .words = words_of(last - i),
            .c = scratch->dv + key * padded,
            .c_step = padded,
            .vectors = padded / LANES};
        transposed_product_add(&product);
        product.left = scratch->key_gradients + corner;
        product.right = scratch->content_words + i * padded;
        product.c = scratch->dk + key * padded;
        transposed_product_add(&product);
    }
}

// Adds to the gradients of the positions between the queries [first, last) and the keys [j, end).
static void add_position_gradients(
    const backward_task *task, int64_t first_query, int64_t first, int64_t last, int64_t j, int64_t end) {
    const attention_sizes *sizes = &task->sizes;
    int64_t padded = sizes->padded, shift = sizes->queries - 1; // position = key - query + shift
    int64_t low = j - (last - 1) + shift, high = least(end - 1 - first + shift, sizes->keys - 1);
    for (int64_t position = low; position <= high; position += TILE_ROWS) {
        // Queries that use any of the strip's positions in this chunk.
        int64_t from = most(first, j - (position + TILE_ROWS - 1) + shift) / PER_WORD * PER_WORD;
        int64_t to = least(last, end - position + shift);
        int64_t corner =
            (from - first_query) * SCORES_STEP + (LANES + position + from - shift - j) * PER_WORD;
        transposed_product_add(&(strip_product){.left = task->scratch->position_gradients + corner,
            .left_step = (SCORES_STEP + PER_WORD) * PER_WORD,
            .right = task->scratch->position_words + from * padded,
            .right_step = padded * PER_WORD,
            .right_tile_step = TILE_WORDS,
            .words = words_of(to - from),
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

// dq of the tile's queries is complete: stores it, and adds it to the bias gradients.
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

// rows [Q rounded up, padded] = from, plus a bias; also packed by words. Rows beyond the last query are zero: the last strip
// reads them.
static void pack_queries(operand *rows, operand *grouped, matrix from, const float *bias) {
    int64_t padded = round_up(from.cols, LANES), all = round_up(from.rows, TILE_ROWS);
    pack_rows(rows, from, bias);
    memset(rows + from.rows * padded, 0, (size_t)((all - from.rows) * padded) * sizeof *rows);
    group_rows(grouped, rows, all, padded);
}

// D of each query, from the packed dout [Q, padded] and the unpacked out.
static inline __attribute__((always_inline)) void pack_corrections_of(
    float *correction, const operand *dout, matrix out, dtype type) {
    int64_t whole = out.cols / LANES * LANES, rest = out.cols - whole, padded = round_up(out.cols, LANES);
    int64_t size = stored_size(type), step = out.stride * size;
    const char *row = out.data;
    for (int64_t i = 0; i < out.rows; i++, dout += padded, row += step) {
        if (i + ROWS_AHEAD < out.rows) prefetch_row(row + ROWS_AHEAD * step, out.cols * size);
        vec sum = vec_all(0.0f);
        if (rest) sum = load_operands(dout + whole, LANES) * load_stored_part(row, type, whole, rest);
        for (int64_t c = 0; c < whole; c += LANES)
            sum = vec_fma(load_operands(dout + c, LANES), load_stored(row, type, c), sum);
        correction[i] = vec_sum(sum);
    }
}

static void pack_corrections(float *correction, const operand *dout, matrix out) {
    if (out.type == TYPE_BF16)
        pack_corrections_of(correction, dout, out, TYPE_BF16);
    else
        pack_corrections_of(correction, dout, out, TYPE_REAL);
}

static void pack_sequence(const backward_task *task, matrix dout, int64_t sequence, int64_t head) {
    const attention_call *call = task->call;
    const attention_sizes *sizes = &task->sizes;
    const backward_scratch *scratch = task->scratch;
    int64_t queries = sizes->queries, keys = sizes->keys, width = sizes->width;
    matrix q = head_part(call->q, sequence, queries, head, width);
    pack_rows(scratch->key_rows, head_part(call->k, sequence, keys, head, width), NULL);
    group_rows(scratch->keys, scratch->key_rows, keys, sizes->padded);
    // Packs from the copy just made, which is in the cache.
    pack_column_tiles(scratch->key_columns, packed_matrix(scratch->key_rows, keys, sizes), sizes);
    pack_column_tiles(scratch->value_columns, head_part(call->v, sequence, keys, head, width), sizes);
    pack_queries(scratch->content, scratch->content_words, q, call->content_bias + head * width);
    pack_queries(scratch->position, scratch->position_words, q, call->position_bias + head * width);
    pack_queries(scratch->dout, scratch->dout_words, head_part(dout, sequence, queries, head, width), NULL);
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
        .position_columns = work->positions.columns + head * position_columns_count(sizes),
        .position_words = work->positions.words + head * position_rows_count(sizes)};
    memset(task.partial->dpositions, 0, (size_t)dpositions_count(sizes) * sizeof(float));
    int64_t first = group * work->sequences_per_group;
    int64_t last = least(first + work->sequences_per_group, work->call->batch);
    begin_products();
    for (int64_t sequence = first; sequence < last; sequence++)
        backward_sequence(&task, work->gradients, sequence, head);
    end_products();
}

// A block of rows of dpositions of one head: sums the groups' partial sums in order.
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
        TRY(ARENA_NEW_RAW(scratch, partial->dpositions, dpositions_count(&work->sizes)));
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
    work.sequences_per_group = divide_up(call->batch * heads, MOST_BACKWARD_TASKS);
    work.groups = divide_up(call->batch, work.sequences_per_group);
    work.positions = (position_packing){.call = call, .sizes = *sizes};
    int64_t position_rows = heads * position_rows_count(sizes);
    TRY(ARENA_NEW_RAW(scratch, work.positions.columns, heads * position_columns_count(sizes)));
    TRY(ARENA_NEW_RAW(scratch, work.positions.rows, position_rows));
    TRY(take_words(scratch, work.positions.rows, position_rows, &work.positions.words));
    TRY(ARENA_NEW(scratch, work.scratch, threads_count(context->threads)));
    for (int i = 0; i < threads_count(context->threads); i++)
        TRY(take_backward_scratch(scratch, sizes, &work.scratch[i]));
    TRY(take_partials(scratch, &work));
    parallel_for(context->threads, heads, pack_positions_of_head, &work.positions);
    parallel_for(context->threads, heads * work.groups, backward_group, &work);
    parallel_for(context->threads, heads * divide_up(sizes->keys, POSITIONS_PER_TASK), sum_positions, &work);
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
