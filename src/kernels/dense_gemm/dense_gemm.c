#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/dense_gemm/dense_gemm_bf16.h"
#include "kernels/pointwise/pointwise.h"

#include <assert.h>

#if REAL_IS_FLOAT
extern const dense_gemm_kernel dense_gemm_onednn;
#endif
extern const dense_gemm_kernel dense_gemm_ref;
extern const dense_gemm_bf16_kernel dense_gemm_bf16_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/dense_gemm/dense_gemm.inc"
};
const kernel_list dense_gemm_list = {"dense_gemm", all, sizeof all / sizeof *all};

static const dense_gemm_kernel *chosen(void) {
    return (const dense_gemm_kernel *)kernel_choose(dense_gemm_list.all, dense_gemm_list.count);
}

static void scale_only(const gemm_tile *t) {
    for (int64_t i = 0; i < t->m; i++)
        for (int64_t j = 0; j < t->n; j++) {
            real *c = &t->c[i * t->stride_c + j];
            *c = t->beta == 0 ? 0 : t->beta * *c; // a zero beta drops NaN too
        }
}

void gemm_on_tile(const gemm_tile *tile) {
    if (tile->m == 0 || tile->n == 0) return;
    if (tile->k == 0)
        scale_only(tile);
    else
        chosen()->tile(tile);
}

// Tiles are a function of the call alone. They start at GEMM_MOST_ROWS x GEMM_MOST_COLS, where packing both operands costs little
// against the product, and shrink while there are too few to keep a pool of threads evenly busy. Their sides are multiples
// of what the micro-kernels take at once (8 rows, 48 columns). All measured: short sums like low tiles.
enum { SHORT_K = 768, MOST_ROWS_SHORT = 192, ENOUGH_TILES = 20 };
enum { LEAST_ROWS = 64, LEAST_COLS = 96, ROW_STEP = 8, COL_STEP = 48 };

typedef struct tiling {
    int64_t rows, cols, across; // of a tile; tiles in a row of tiles
    int64_t count;
} tiling;

static int64_t round_up(int64_t x, int64_t step) {
    return block_count(x, step) * step;
}

// Sides of even size: `total` in as few pieces as pieces of `most` make, rounded up to the step.
static int64_t even_side(int64_t total, int64_t most, int64_t step) {
    return round_up(block_count(total, block_count(total, most)), step);
}

static tiling tiling_of(int64_t m, int64_t n, int64_t most_rows, int64_t most_cols) {
    tiling t = {.rows = even_side(m, most_rows, ROW_STEP), .cols = even_side(n, most_cols, COL_STEP)};
    t.across = block_count(n, t.cols);
    t.count = t.across * block_count(m, t.rows);
    return t;
}

// How many times as wide as high a tile may be that is cut in its height. Products of bf16 pay more for packing b than for a,
// unless a is transposed.
static int64_t most_width(const gemm_call *call) {
    return call->a.type == TYPE_BF16 && !call->transpose_a ? 3 : 1;
}

static tiling choose_tiling(const gemm_call *call, int64_t k) {
    int64_t m = call->c.rows, n = call->c.cols, width = most_width(call);
    tiling t = tiling_of(m, n, k < SHORT_K ? MOST_ROWS_SHORT : GEMM_MOST_ROWS, GEMM_MOST_COLS);
    while (t.count < ENOUGH_TILES && (t.rows > LEAST_ROWS || t.cols > LEAST_COLS)) {
        bool cut_cols = t.cols > LEAST_COLS && (t.cols >= width * t.rows || t.rows <= LEAST_ROWS);
        if (cut_cols)
            t = tiling_of(m, n, t.rows, round_up(t.cols / 2, COL_STEP));
        else
            t = tiling_of(m, n, round_up(t.rows / 2, ROW_STEP), t.cols);
    }
    return t;
}

typedef struct split_gemm {
    const gemm_call *call;
    tiling tiles;
    int64_t k;
    const dense_gemm_bf16_kernel *bf16; // NULL: the operands are TYPE_REAL
    real *scratch;                      // [threads, bf16->scratch]
} split_gemm;

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// Where the operands of the tile at (row, col) of c begin.
static void *tile_a(const gemm_call *call, int64_t row) {
    return call->transpose_a ? matrix_part(call->a, 0, call->a.rows, row, 1).data : matrix_row(call->a, row);
}
static void *tile_b(const gemm_call *call, int64_t col) {
    return call->transpose_b ? matrix_row(call->b, col) : matrix_part(call->b, 0, call->b.rows, col, 1).data;
}

// The tile's rows are still in the cache that its product left them in.
static void finish_tile(const gemm_call *call, int64_t col, matrix c) {
    if (!call->relu && !call->bias) return;
    const pointwise_kernel *rows = pointwise_chosen();
    const real *bias = call->bias ? call->bias + col : NULL;
    for (int64_t i = 0; i < c.rows; i++)
        if (call->relu)
            rows->bias_relu(matrix_row(c, i), bias, c.cols);
        else
            rows->add(matrix_row(c, i), bias, c.cols);
}

static void run_real_tile(const split_gemm *split, int64_t row, int64_t col, matrix c) {
    const gemm_call *call = split->call;
    gemm_on_tile(&(gemm_tile){
        .transpose_a = call->transpose_a,
        .transpose_b = call->transpose_b,
        .m = c.rows,
        .n = c.cols,
        .k = split->k,
        .alpha = 1,
        .a = tile_a(call, row),
        .stride_a = call->a.stride,
        .b = tile_b(call, col),
        .stride_b = call->b.stride,
        .beta = call->accumulate ? 1 : 0,
        .c = matrix_real(c),
        .stride_c = c.stride,
    });
    finish_tile(call, col, c);
}

static void run_bf16_tile(const split_gemm *split, int64_t row, int64_t col, matrix c, real *scratch) {
    const gemm_call *call = split->call;
    split->bf16->tile(
        &(bf16_gemm_tile){
            .transpose_a = call->transpose_a,
            .transpose_b = call->transpose_b,
            .accumulate = call->accumulate,
            .relu = call->relu,
            .k = split->k,
            .a = tile_a(call, row),
            .stride_a = call->a.stride,
            .b = tile_b(call, col),
            .stride_b = call->b.stride,
            .bias = call->bias ? call->bias + col : NULL,
            .c = c,
        },
        scratch);
}

static void run_tile(void *context, int64_t task, int thread) {
    const split_gemm *split = context;
    const tiling *tiles = &split->tiles;
    matrix c = split->call->c;
    int64_t row = task / tiles->across * tiles->rows, col = task % tiles->across * tiles->cols;
    c = matrix_part(c, row, least(tiles->rows, c.rows - row), col, least(tiles->cols, c.cols - col));
    if (split->bf16)
        run_bf16_tile(split, row, col, c, split->scratch + thread * split->bf16->scratch);
    else
        run_real_tile(split, row, col, c);
}

// With nothing to sum the reference is quick, and the others need not think of it.
static const dense_gemm_bf16_kernel *bf16_kernel(const gemm_call *call, int64_t k) {
    if (call->a.type == TYPE_REAL) return NULL;
    return k == 0 ? &dense_gemm_bf16_ref : dense_gemm_bf16_chosen();
}

sigmoe_status dense_gemm(const kernel_context *context, const gemm_call *call) {
    int64_t k = call->transpose_a ? call->a.rows : call->a.cols;
    assert((call->transpose_a ? call->a.cols : call->a.rows) == call->c.rows);
    assert((call->transpose_b ? call->b.rows : call->b.cols) == call->c.cols);
    assert((call->transpose_b ? call->b.cols : call->b.rows) == k);
    assert(call->a.type == call->b.type && !(call->accumulate && (call->bias || call->relu)));
    assert(call->c.type == TYPE_REAL || (call->a.type == TYPE_BF16 && !call->accumulate));
    if (call->c.rows == 0 || call->c.cols == 0) return SIGMOE_OK;
    split_gemm split = {call, choose_tiling(call, k), k, bf16_kernel(call, k), NULL};
    arena_mark mark = arena_here(context->scratch);
    if (split.bf16)
        TRY(ARENA_NEW_RAW(
            context->scratch, split.scratch, split.bf16->scratch * threads_count(context->threads)));
    parallel_for(context->threads, split.tiles.count, run_tile, &split);
    arena_release(context->scratch, mark);
    return SIGMOE_OK;
}
