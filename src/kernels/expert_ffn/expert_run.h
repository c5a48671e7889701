// A run over the tokens of all experts (expert_products.h): its products, its memory, and the row ranges that its tasks are
// made of.
#pragma once

#include "kernels/expert_ffn/channels.h"
#include "kernels/expert_ffn/factor.h"
#include "kernels/expert_ffn/hidden_rows.h"

enum {
    RANGE_ROWS = 384,      // at most, per task: enough to amortize packing the weights
    LAST_RANGE_ROWS = 128, // for the last quarter of experts: threads finish at about the same time
    BLOCK_ROWS = 256,      // of an expert per block, on average: usually one range
    BLOCK_TOKENS = 1024,   // at least, per block
    COMBINE_TOKENS = 64,   // per task
    // Where an expert's matrix has more packed words than this, it does not stay in the private cache (panel_order.h).
    LARGE_WORDS = 1 << 18,
    LARGE_ROWS = 192,    // of a range there, at most,
    LARGE_COLUMNS = 512, // and columns of a task: sums and packed rows of a block of depth share the cache
    FEW_ROWS = LANES < 16 ? 6 : 14, // of a range: its weights are multiplied where they are (stream_order.h)
};

// The sorted positions [first, last) of one expert.
typedef struct row_range {
    int64_t expert, first, last;
} row_range;

// The packing buffers of one thread.
typedef struct workspace {
    const word *weights[2]; // packed, of `expert`, for each product
    int64_t expert;         // -1: none yet
    word *own;              // buffer for packed weights that are not shared
    word *a;                // rows
    word *b;                // one panel of columns; only where experts are large
    float *sums;
    word *steps_a, *steps_b;
    float *slice; // sums of weight gradients that are rounded
} workspace;

typedef struct expert_run expert_run;

// Finished sums of one row: columns [first, first + count) of each of the factor's segments, which are `width` apart.
typedef struct finished_sums {
    int64_t expert, position;
    int64_t first, count;
    int64_t block; // of columns
    const float *sums;
    int64_t width;
} finished_sums;

// A product of rows, one for each position, with a factor of the position's expert.
typedef struct expert_product {
    factor b;
    const word *packed; // the caller's: [experts, factor_words], or NULL
    // Packs terms [term, term + terms) of successive rows (at most MR) by row.
    void (*pack)(const expert_run *run, int64_t position, int64_t rows, int64_t term, int64_t terms, word *a);
    void (*finish)(const expert_run *run, const finished_sums *f);
    bool to_pairs; // `finish` only stores sums as rows of pairs, with what bias there is
} expert_product;

typedef struct tile_rows tile_rows;

struct expert_run {
    const expert_ffn_call *call;
    const expert_ffn_gradients *gradients; // NULL: forward
    expert_product products[2];
    int product_count;
    // Queues what the next tiles read and what this one writes.
    void (*queue)(const expert_run *run, const tile_rows *t, prefetch_queue *queue);
    bool large;
    const expert_product
        *current; // where they are large: the product of the tasks, and how many blocks of columns it has
    int64_t blocks;
    int64_t weight_words; // of one expert's factors, packed one after the other
    word *shared;         // [experts, weight_words]; NULL: packed for each range
    workspace *spaces;
    row_range *ranges;
    int64_t range_count;
    int thread_count;
    int64_t *cursor;                 // [experts]: the first position that is not in any block yet
    matrix out;                      // y or dx
    matrix pair_bias;                // added to rows of pairs with their weights; or data NULL
    int64_t first_token, last_token; // of the block
    float *pair_rows;                // [pairs of the block in token order, pair_width]
    int64_t pair_width;
    bool direct;          // pair_rows are out's own rows, each token's only one
    matrix dbefore;       // [served, H] operands, by sorted position
    float *dweight_parts; // [blocks of hidden channels, served], or NULL
};

static int64_t served_of(const expert_ffn_call *call) {
    return call->grouping->offset[call->grouping->experts];
}

static bool is_large(const expert_set *set) {
    factor up = up_factor(set), down = down_factor(set);
    return most(factor_words(&up), factor_words(&down)) > LARGE_WORDS;
}

// ---- Ranges ----

static int64_t range_rows(const expert_run *run, int64_t expert) {
    if (4 * expert >= 3 * run->call->grouping->experts) return LAST_RANGE_ROWS;
    return run->large ? LARGE_ROWS : RANGE_ROWS;
}

// Splits each expert's rows of tokens below `last_token`, from its cursor on, into ranges of even size.
static void take_ranges(expert_run *run, int64_t last_token) {
    const expert_grouping *g = run->call->grouping;
    run->range_count = 0;
    for (int64_t e = 0; e < g->experts; e++) {
        int64_t first = run->cursor[e], last = first;
        for (int64_t high = g->offset[e + 1]; last < high;) {
            int64_t middle = last + (high - last) / 2;
            if (g->pair[middle] / g->slots < last_token)
                last = middle + 1;
            else
                high = middle;
        }
        int64_t rows = last - first, pieces = divide_up(rows, range_rows(run, e));
        for (int64_t i = 0; i < pieces; i++)
            run->ranges[run->range_count++] =
                (row_range){e, first + even_cut(rows, pieces, i), first + even_cut(rows, pieces, i + 1)};
        run->cursor[e] = last;
    }
}

// Whether the range's weights are read where they are.
static bool is_streamed(const row_range *range) {
    return range->last - range->first <= FEW_ROWS;
}

// ---- Memory ----

static int64_t most_terms(const expert_run *run) {
    int64_t terms = 0;
    for (int i = 0; i < run->product_count; i++) terms = most(terms, run->products[i].b.terms);
    return terms;
}

static int64_t most_width(const expert_run *run) {
    int64_t width = 0;
    for (int i = 0; i < run->product_count; i++) width = most(width, factor_width(&run->products[i].b));
    return width;
}

// The width of a segment's sums of a block of columns: odd in vectors, so that rows do not share the same lines of the cache.
static int64_t sums_width(int64_t columns) {
    return round_up(columns, NR) + LANES;
}

static sigmoe_status workspace_new(arena *scratch, const expert_run *run, workspace *space) {
    int64_t depth = round_up(depth_of(most_terms(run)), LANES);
    space->expert = -1;
    if (!run->large) {
        TRY(ARENA_NEW_RAW(scratch, space->own, run->weight_words));
        TRY(ARENA_NEW_RAW(scratch, space->a, MR * depth));
        return ARENA_NEW_RAW(scratch, space->sums, MR * (most_width(run) + 2 * LANES));
    }
    // AMX reads whole registers of rows: LANES chunks more.
    int64_t block = (LARGE_ROWS + LANES) * MOST_DEPTH, few = FEW_ROWS * depth;
    TRY(ARENA_NEW_RAW(scratch, space->a, most(block, few)));
    TRY(ARENA_NEW_RAW(scratch, space->b, MOST_DEPTH * NR));
    return ARENA_NEW_RAW(scratch, space->sums, LARGE_ROWS * (LARGE_COLUMNS + 2 * LANES));
}

// Completes a run; its call, gradients and products must be set.
static sigmoe_status run_new(const kernel_context *context, expert_run *run) {
    const expert_grouping *g = run->call->grouping;
    run->large = is_large(&run->call->set);
    for (int i = 0; i < run->product_count; i++) run->weight_words += factor_words(&run->products[i].b);
    run->thread_count = threads_count(context->threads);
    TRY(ARENA_NEW(context->scratch, run->spaces, run->thread_count));
    for (int i = 0; i < run->thread_count; i++) TRY(workspace_new(context->scratch, run, &run->spaces[i]));
    TRY(ARENA_NEW_RAW(context->scratch, run->ranges, g->experts + served_of(run->call) / LAST_RANGE_ROWS));
    TRY(ARENA_NEW_RAW(context->scratch, run->cursor, g->experts));
    for (int64_t e = 0; e < g->experts; e++) run->cursor[e] = g->offset[e];
    return SIGMOE_OK;
}

// ---- Rows ----

static const operand *token_at(const expert_grouping *g, matrix tokens, int64_t position) {
    uint32_t token = (uint32_t)g->pair[position] / (uint32_t)g->slots;
    return operands(tokens) + token * tokens.stride;
}

static void pack_tokens(const expert_run *run, matrix tokens, int64_t position, int64_t rows, int64_t term,
    int64_t terms, word *a) {
    const operand *source[MR];
    for (int64_t r = 0; r < rows; r++) source[r] = token_at(run->call->grouping, tokens, position + r) + term;
    pack_rows(source, rows, terms, a);
}

static hidden_row hidden_at(const expert_ffn_call *call, int64_t position) {
    int64_t start = position * call->set.expert_size;
    return (hidden_row){operands(call->hidden) + start, call->mask ? call->mask + start : NULL,
        call->weight[call->grouping->pair[position]]};
}

// Row of the pair at a sorted position.
static float *pair_row(const expert_run *run, int64_t position) {
    const expert_grouping *g = run->call->grouping;
    return run->pair_rows + (g->pair[position] - run->first_token * g->slots) * run->pair_width;
}

static void queue_operands(prefetch_queue *queue, const operand *start, int64_t count) {
    prefetch_queue_add(queue, start, count * (int64_t)sizeof *start);
}

// Queues rows [first, first + rows) of a matrix whose rows are contiguous.
static void queue_rows(prefetch_queue *queue, matrix m, int64_t first, int64_t rows) {
    if (m.data) queue_operands(queue, operands(m) + first * m.stride, rows * m.stride);
}

static void queue_hidden(const expert_ffn_call *call, int64_t first, int64_t rows, prefetch_queue *queue) {
    int64_t size = call->set.expert_size;
    queue_rows(queue, call->hidden, first, rows);
    if (call->mask)
        prefetch_queue_add(queue, call->mask + first * size, rows * size * (int64_t)sizeof *call->mask);
}
