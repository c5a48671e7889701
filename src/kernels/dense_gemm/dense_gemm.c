#include "kernels/dense_gemm/dense_gemm.h"

#include <assert.h>

#if REAL_IS_FLOAT
extern const dense_gemm_kernel dense_gemm_onednn;
#endif
extern const dense_gemm_kernel dense_gemm_ref;

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

// Tiles are a function of m and n alone. They start at MOST_ROWS x MOST_COLS, where packing both operands costs little
// against the product, and shrink while there are too few to keep a pool of threads evenly busy.
enum { MOST_ROWS = 256, MOST_COLS = 512, LEAST_SIDE = 64, ENOUGH_TILES = 32, STEP = 16 };

typedef struct tiling {
    int64_t rows, cols, across; // of a tile; tiles in a row of tiles
    int64_t count;
} tiling;

// The least multiple of STEP that covers `total` in as few pieces as pieces of `most` do: pieces of even size.
static int64_t even_size(int64_t total, int64_t most) {
    int64_t size = block_count(total, block_count(total, most));
    return block_count(size, STEP) * STEP;
}

static tiling choose_tiling(int64_t m, int64_t n) {
    int64_t most_rows = MOST_ROWS, most_cols = MOST_COLS;
    for (;;) {
        int64_t rows = even_size(m, most_rows), cols = even_size(n, most_cols);
        int64_t across = block_count(n, cols), count = across * block_count(m, rows);
        bool divisible = rows > LEAST_SIDE || cols > LEAST_SIDE;
        if (count >= ENOUGH_TILES || !divisible) return (tiling){rows, cols, across, count};
        if (cols >= rows)
            most_cols = cols / 2 > LEAST_SIDE ? cols / 2 : LEAST_SIDE;
        else
            most_rows = rows / 2 > LEAST_SIDE ? rows / 2 : LEAST_SIDE;
    }
}

typedef struct split_gemm {
    const gemm_call *call;
    tiling tiles;
    int64_t k;
} split_gemm;

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void run_tile(void *context, int64_t task, int thread) {
    (void)thread;
    const split_gemm *split = context;
    const gemm_call *call = split->call;
    const tiling *tiles = &split->tiles;
    int64_t row = task / tiles->across * tiles->rows, col = task % tiles->across * tiles->cols;
    gemm_on_tile(&(gemm_tile){
        .transpose_a = call->transpose_a,
        .transpose_b = call->transpose_b,
        .m = least(tiles->rows, call->c.rows - row),
        .n = least(tiles->cols, call->c.cols - col),
        .k = split->k,
        .alpha = 1,
        .a = matrix_real(call->a) + (call->transpose_a ? row : row * call->a.stride),
        .stride_a = call->a.stride,
        .b = matrix_real(call->b) + (call->transpose_b ? col * call->b.stride : col),
        .stride_b = call->b.stride,
        .beta = call->accumulate ? 1 : 0,
        .c = matrix_real(call->c) + row * call->c.stride + col,
        .stride_c = call->c.stride,
    });
}

sigmoe_status dense_gemm(const kernel_context *context, const gemm_call *call) {
    int64_t k = call->transpose_a ? call->a.rows : call->a.cols;
    assert((call->transpose_a ? call->a.cols : call->a.rows) == call->c.rows);
    assert((call->transpose_b ? call->b.rows : call->b.cols) == call->c.cols);
    assert((call->transpose_b ? call->b.cols : call->b.rows) == k);
    if (call->c.rows == 0 || call->c.cols == 0) return SIGMOE_OK;
    split_gemm split = {call, choose_tiling(call->c.rows, call->c.cols), k};
    parallel_for(context->threads, split.tiles.count, run_tile, &split);
    return SIGMOE_OK;
}
