#include "kernels/sparse_gemm/sparse_bins.h"

// Of a turned bin; not a power of two, which would put a column's elements into few lines of the cache.
enum { TURNED_STRIDE = BIN_TERMS + 16 };

typedef struct work {
    const sparse_gemm_kernel *kernel;
    matrix a;
    bool transpose;
    int64_t rows, terms; // of op(a)
    int64_t *start;      // while counting: how many are in block i, at i + 1
    uint8_t *count, *term;
    real *value;
    real *turned; // [threads, BIN_ROWS, TURNED_STRIDE]: a bin's rows, where they are columns of a
} work;

// Terms [term, term + terms) of rows [row, row + rows) of op(a), as they lie in a.
static matrix part_of(const work *w, int64_t row, int64_t rows, int64_t term, int64_t terms) {
    return w->transpose ? matrix_part(w->a, term, terms, row, rows)
                        : matrix_part(w->a, row, rows, term, terms);
}

static int64_t rows_of(const work *w, int64_t block) {
    return least(w->rows - block * BIN_ROWS, BIN_ROWS);
}

static void count_block(void *context, int64_t block, int thread) {
    (void)thread;
    const work *w = context;
    w->start[block + 1] = w->kernel->count(part_of(w, block * BIN_ROWS, rows_of(w, block), 0, w->terms));
}

// The elements of one bin.
typedef struct bin {
    const char *elements; // of its first row
    dtype type;
    int64_t row_bytes, rows, terms;
} bin;

static bin bin_at(const work *w, int64_t block, int64_t term, int thread) {
    bin b = {.rows = rows_of(w, block), .terms = least(w->terms - term, BIN_TERMS)};
    matrix part = part_of(w, block * BIN_ROWS, b.rows, term, b.terms);
    if (w->transpose) {
        real *turned = w->turned + thread * BIN_ROWS * TURNED_STRIDE;
        w->kernel->turn(part, turned, TURNED_STRIDE);
        part = matrix_of(turned, b.rows, TURNED_STRIDE);
    }
    b.elements = part.data;
    b.type = part.type;
    b.row_bytes = part.stride * (int64_t)dtype_size(part.type);
    return b;
}

static void sort_block(void *context, int64_t block, int thread) {
    const work *w = context;
    int64_t at = w->start[block];
    uint8_t *count = w->count + block * divide_up(w->terms, BIN_TERMS) * BIN_ROWS;
    for (int64_t term = 0; term < w->terms; term += BIN_TERMS, count += BIN_ROWS) {
        bin b = bin_at(w, block, term, thread);
        for (int64_t r = 0; r < b.rows; r++, at += count[r - 1])
            count[r] = (uint8_t)w->kernel->find(
                b.elements + r * b.row_bytes, b.type, b.terms, w->term + at, w->value + at);
    }
}

sigmoe_status sparse_bins_of(const kernel_context *context, const sparse_gemm_kernel *kernel, matrix a,
    bool transpose, sparse_bins *out) {
    work w = {.kernel = kernel,
        .a = a,
        .transpose = transpose,
        .rows = transpose ? a.cols : a.rows,
        .terms = transpose ? a.rows : a.cols};
    int64_t blocks = divide_up(w.rows, BIN_ROWS);
    TRY(ARENA_NEW_RAW(context->scratch, w.start, blocks + 1));
    parallel_for(context->threads, blocks, count_block, &w);
    w.start[0] = 0;
    // `find` may overwrite the slack behind a block while another thread writes the next one.
    for (int64_t i = 0; i < blocks; i++) w.start[i + 1] += w.start[i] + BIN_SLACK;
    TRY(ARENA_NEW_RAW(context->scratch, w.count, blocks * divide_up(w.terms, BIN_TERMS) * BIN_ROWS));
    TRY(ARENA_NEW_RAW(context->scratch, w.term, w.start[blocks]));
    TRY(ARENA_NEW_RAW(context->scratch, w.value, w.start[blocks]));
    int64_t turned = transpose ? threads_count(context->threads) * BIN_ROWS * TURNED_STRIDE : 0;
    TRY(ARENA_NEW_RAW(context->scratch, w.turned, turned));
    parallel_for(context->threads, blocks, sort_block, &w);
    *out = (sparse_bins){w.rows, w.terms, w.start, w.count, w.term, w.value};
    return SIGMOE_OK;
}
