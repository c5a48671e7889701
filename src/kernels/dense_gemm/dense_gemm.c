#include "kernels/dense_gemm/dense_gemm.h"

#include "base/quantization.h"
#include "kernels/dense_gemm/few_rows.h"
#include "kernels/dense_gemm/gemm_tile.h"
#include "kernels/dense_gemm/transposed_copy.h"
#include "kernels/pointwise/pointwise.h"

#include <assert.h>
#include <string.h>

extern const gemm_kernel dense_gemm_onednn, dense_gemm_avx512, dense_gemm_avx2, dense_gemm_ref;
extern const gemm_kernel dense_gemm_bf16_onednn, dense_gemm_bf16_widen, dense_gemm_bf16_amxbf16,
    dense_gemm_bf16_avx512bf16, dense_gemm_bf16_avx512, dense_gemm_bf16_avx2, dense_gemm_bf16_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/dense_gemm/dense_gemm.inc"
};
const kernel_list dense_gemm_list = {"dense_gemm", all, sizeof all / sizeof *all};

static const kernel_identity *const all_bf16[] = {
#include "kernels/register.h"
#include "kernels/dense_gemm/dense_gemm_bf16.inc"
};
const kernel_list dense_gemm_bf16_list = {"dense_gemm_bf16", all_bf16, sizeof all_bf16 / sizeof *all_bf16};

static int64_t terms_of(const gemm_call *call) {
    return call->transpose_a ? call->a.rows : call->a.cols;
}

// With k = 0 there is nothing to sum: the reference is fast enough, and the other kernels need not handle the case.
static const gemm_kernel *kernel_for(const gemm_call *call) {
    bool rounded = call->a.type == TYPE_BF16;
    if (terms_of(call) == 0) return rounded ? &dense_gemm_bf16_ref : &dense_gemm_ref;
    const kernel_list *list = rounded ? &dense_gemm_bf16_list : &dense_gemm_list;
    return (const gemm_kernel *)kernel_choose(list->all, list->count);
}

// Tiles depend on the call alone. They start at GEMM_MOST_ROWS x GEMM_MOST_COLS, where packing both operands is cheap compared
// with the product, and shrink until there are enough of them to balance the load of a thread pool. Their sides are multiples
// of the kernel's steps. All limits were measured; a short k favors tiles of few rows.
enum { SHORT_K = 768, MOST_ROWS_SHORT = 192, ENOUGH_TILES = 20 };
enum { LEAST_ROWS = 64, LEAST_COLS = 96 };

typedef struct tiling {
    int64_t rows, cols, across; // of a tile; tiles per row of tiles
    int64_t count;
    int64_t pieces; // parts that k is split into, each with its own copy of c; 1: no split
} tiling;

// Tile sides of even size: splits `total` into the fewest pieces of at most `most`, rounded up to the step.
static int64_t even_side(int64_t total, int64_t most, int64_t step) {
    return round_up(divide_up(total, divide_up(total, most)), step);
}

static tiling tiling_of(
    const gemm_kernel *kernel, const gemm_call *call, int64_t most_rows, int64_t most_cols) {
    int64_t m = call->c.rows, n = call->c.cols;
    tiling t = {
        .rows = even_side(m, most_rows, kernel->row_step), .cols = even_side(n, most_cols, kernel->col_step)};
    t.across = divide_up(n, t.cols);
    t.count = t.across * divide_up(m, t.rows);
    t.pieces = 1;
    return t;
}

// Weight gradients are small matrices with a long k. Enough tiles for all threads would be so small that packing costs a fifth
// of the product; splitting k costs one pass over the copies of c, a fiftieth.
enum { SPLIT_ROWS = 128, LEAST_PIECE = 512, MOST_SPLIT = 1 << 18 };

static bool splits_sums(const gemm_call *call) {
    return call->transpose_a && terms_of(call) >= 2 * LEAST_PIECE &&
           call->c.rows * call->c.cols <= MOST_SPLIT && call->c.type == TYPE_REAL && !call->relu &&
           !call->bias;
}

static tiling split_tiling(const gemm_kernel *kernel, const gemm_call *call) {
    tiling t = tiling_of(kernel, call, SPLIT_ROWS, GEMM_MOST_COLS);
    t.pieces = least(divide_up(ENOUGH_TILES, t.count), divide_up(terms_of(call), LEAST_PIECE));
    return t;
}

// Maximum ratio of width to height of a tile that is shrunk in height. bf16 products pay more for packing b than for a, unless
// a is transposed.
static int64_t most_width(const gemm_call *call) {
    return call->a.type == TYPE_BF16 && !call->transpose_a ? 3 : 1;
}

static tiling choose_tiling(const gemm_kernel *kernel, const gemm_call *call) {
    int64_t width = most_width(call);
    if (splits_sums(call)) return split_tiling(kernel, call);
    tiling t =
        tiling_of(kernel, call, terms_of(call) < SHORT_K ? MOST_ROWS_SHORT : GEMM_MOST_ROWS, GEMM_MOST_COLS);
    while (t.count < ENOUGH_TILES && (t.rows > LEAST_ROWS || t.cols > LEAST_COLS)) {
        bool cut_cols = t.cols > LEAST_COLS && (t.cols >= width * t.rows || t.rows <= LEAST_ROWS);
        if (cut_cols)
            t = tiling_of(kernel, call, t.rows, round_up(t.cols / 2, kernel->col_step));
        else
            t = tiling_of(kernel, call, round_up(t.rows / 2, kernel->row_step), t.cols);
    }
    return t;
}

typedef struct split_gemm {
    const gemm_call *call;
    const gemm_kernel *kernel;
    tiling tiles;
    real *scratch; // [threads, kernel->scratch]
    real *copies;  // [pieces, m, n], if k is split
} split_gemm;

// A tile of c, or of one of its copies, and its range of k.
typedef struct part {
    int64_t row, col;     // its first row and column
    int64_t first, terms; // its range of k
    bool accumulate;
    matrix c;
} part;

// The first element of each operand.
static void *part_a(const gemm_call *call, const part *p) {
    return call->transpose_a ? matrix_part(call->a, p->first, p->terms, p->row, 1).data
                             : matrix_part(call->a, p->row, 1, p->first, p->terms).data;
}
static void *part_b(const gemm_call *call, const part *p) {
    return call->transpose_b ? matrix_part(call->b, p->col, 1, p->first, p->terms).data
                             : matrix_part(call->b, p->first, p->terms, p->col, 1).data;
}

static void run_part(const split_gemm *split, const part *p, real *scratch) {
    const gemm_call *call = split->call;
    split->kernel->tile(
        &(gemm_tile){
            .transpose_a = call->transpose_a,
            .transpose_b = call->transpose_b,
            .accumulate = p->accumulate,
            .relu = call->relu,
            .k = p->terms,
            .a = part_a(call, p),
            .b = part_b(call, p),
            .stride_a = call->a.stride,
            .stride_b = call->b.stride,
            .bias = call->bias ? call->bias + p->col : NULL,
            .c = p->c,
        },
        scratch);
}

static void run_tile(void *context, int64_t task, int thread) {
    const split_gemm *split = context;
    const tiling *tiles = &split->tiles;
    matrix c = split->call->c;
    int64_t tile = task % tiles->count, piece = task / tiles->count, k = terms_of(split->call),
            terms = divide_up(k, tiles->pieces);
    part p = {.row = tile / tiles->across * tiles->rows,
        .col = tile % tiles->across * tiles->cols,
        .first = piece * terms,
        .accumulate = split->call->accumulate};
    p.terms = least(terms, k - p.first);
    if (split->copies) {
        c = matrix_of(split->copies + piece * c.rows * c.cols, c.rows, c.cols);
        p.accumulate = false;
    }
    p.c =
        matrix_part(c, p.row, least(tiles->rows, c.rows - p.row), p.col, least(tiles->cols, c.cols - p.col));
    run_part(split, &p, split->scratch + thread * split->kernel->scratch);
}

// Sums a row of c over its copies, in the order of k.
static void add_copies(void *context, int64_t row, int thread) {
    (void)thread;
    const split_gemm *split = context;
    matrix c = split->call->c;
    real *out = matrix_row(c, row);
    for (int64_t piece = 0; piece < split->tiles.pieces; piece++) {
        const real *copy = split->copies + (piece * c.rows + row) * c.cols;
        if (piece == 0 && !split->call->accumulate)
            memcpy(out, copy, (size_t)c.cols * sizeof *out);
        else
            pointwise_chosen()->add(out, copy, c.cols);
    }
}

// Rows of c: with this many, enough rows of tiles share b. Fewer are enough where b's rows share few lines of the cache, so that
// a tile takes twice as long to transpose its part.
enum { MANY_ROWS = 1024, ENOUGH_ROWS = 64 };

static bool turns_b(const gemm_kernel *kernel, const gemm_call *call) {
    int64_t rows = call->b.stride % UNLUCKY_STRIDE == 0 ? ENOUGH_ROWS : MANY_ROWS;
    return kernel->turns_b && call->transpose_b && call->c.rows >= rows;
}

static sigmoe_status run_split(
    const kernel_context *context, const gemm_kernel *kernel, const gemm_call *call) {
    split_gemm split = {.call = call, .kernel = kernel, .tiles = choose_tiling(kernel, call)};
    const tiling *tiles = &split.tiles;
    TRY(ARENA_NEW_RAW(context->scratch, split.scratch, kernel->scratch * threads_count(context->threads)));
    if (tiles->pieces > 1)
        TRY(ARENA_NEW_RAW(context->scratch, split.copies, tiles->pieces * call->c.rows * call->c.cols));
    parallel_for(context->threads, tiles->count * tiles->pieces, run_tile, &split);
    if (split.copies) parallel_for(context->threads, call->c.rows, add_copies, &split);
    return SIGMOE_OK;
}

double dense_gemm_scratch_bytes(const gemm_call *call) {
    const gemm_kernel *kernel = kernel_for(call);
    double elements = (double)kernel->scratch;
    tiling tiles = choose_tiling(kernel, call);
    if (tiles.pieces > 1) elements += (double)(tiles.pieces * call->c.rows * call->c.cols);
    if (turns_b(kernel, call)) elements += (double)transposed_copy_stride(call->b) * (double)call->b.cols;
    return elements * sizeof(real);
}

static void widen_row(void *context, int64_t row, int thread) {
    (void)thread;
    const matrix *pair = context; // from, to
    dequantize_rows(matrix_row(pair[0], row), pair[0].scale + row, 1, pair[0].cols, matrix_row(pair[1], row));
}

// Of many rows: with a widened copy of b, which takes little of the time.
static sigmoe_status wide_gemm(const kernel_context *context, const gemm_call *call) {
    gemm_call wide = *call;
    matrix pair[2] = {call->b};
    arena_mark mark = arena_here(context->scratch);
    TRY(matrix_new(context->scratch, TYPE_REAL, call->b.rows, call->b.cols, &pair[1]));
    parallel_for(context->threads, call->b.rows, widen_row, pair);
    wide.b = pair[1];
    sigmoe_status status = dense_gemm(context, &wide);
    arena_release(context->scratch, mark);
    return status;
}

sigmoe_status dense_gemm(const kernel_context *context, const gemm_call *call) {
    assert((call->transpose_a ? call->a.cols : call->a.rows) == call->c.rows);
    assert((call->transpose_b ? call->b.rows : call->b.cols) == call->c.cols);
    assert((call->transpose_b ? call->b.cols : call->b.rows) == terms_of(call));
    assert(call->a.type == (call->b.type == TYPE_I8 ? TYPE_REAL : call->b.type));
    assert(!(call->accumulate && (call->bias || call->relu)));
    assert(call->c.type == TYPE_REAL || (call->a.type == TYPE_BF16 && !call->accumulate));
    if (call->c.rows == 0 || call->c.cols == 0) return SIGMOE_OK;
    if (few_rows_serve(call)) return few_rows_gemm(context, call);
    if (call->b.type == TYPE_I8) return wide_gemm(context, call);
    const gemm_kernel *kernel = kernel_for(call);
    gemm_call turned = *call;
    arena_mark mark = arena_here(context->scratch);
    if (turns_b(kernel, call)) {
        TRY(transposed_copy(context, call->b, &turned.b));
        turned.transpose_b = false;
    }
    sigmoe_status status = run_split(context, kernel, &turned);
    arena_release(context->scratch, mark);
    return status;
}
