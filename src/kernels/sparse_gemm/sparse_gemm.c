#include "kernels/sparse_gemm/sparse_gemm.h"

#include "kernels/sparse_gemm/sparse_bins.h"

#include <assert.h>
#include <string.h>

#if REAL_IS_FLOAT
extern const sparse_gemm_kernel sparse_gemm_avx512, sparse_gemm_avx2;
#endif
extern const sparse_gemm_kernel sparse_gemm_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/sparse_gemm/sparse_gemm.inc"
};
const kernel_list sparse_gemm_list = {"sparse_gemm", all, sizeof all / sizeof *all};

enum { PACK_TERMS = 32 }; // per task that packs

typedef struct work {
    const sparse_gemm_kernel *kernel;
    const sparse_gemm_call *call;
    sparse_bins bins;
    int64_t k, n; // rows and columns of op(b)
    char *strips; // [strips][k][strip]
    int64_t strip_bytes, row_blocks;
} work;

// ---- Packing ----

typedef struct strip_part {
    int64_t term, terms;
    int64_t column, columns; // that exist; up to `width` they are 0
    int64_t width;
} strip_part;

static void widen(const bf16 *from, int64_t n, real *to) {
    for (int64_t i = 0; i < n; i++) to[i] = (real)bf16_value(from[i]);
}

// The part as rows [terms, width].
static void take_part(const work *w, const strip_part *p, real *rows) {
    matrix b = w->call->b;
    if (p->columns < p->width) memset(rows, 0, (size_t)(p->terms * p->width) * sizeof *rows);
    if (w->call->transpose_b) {
        w->kernel->turn(matrix_part(b, p->column, p->columns, p->term, p->terms), rows, p->width);
        return;
    }
    for (int64_t t = 0; t < p->terms; t++, rows += p->width) {
        matrix row = matrix_part(b, p->term + t, 1, p->column, p->columns);
        if (b.type == TYPE_BF16)
            widen(row.data, row.cols, rows);
        else
            memcpy(rows, row.data, (size_t)row.cols * sizeof *rows);
    }
}

static void pack_strip(void *context, int64_t task, int thread) {
    (void)thread;
    const work *w = context;
    int64_t blocks = divide_up(w->k, PACK_TERMS), index = task / blocks, first = task % blocks * PACK_TERMS;
    strip_part p = {.term = first,
        .terms = least(w->k - first, PACK_TERMS),
        .column = index * w->kernel->strip,
        .width = w->kernel->strip};
    p.columns = least(w->n - p.column, p.width);
    char *strip = w->strips + index * w->strip_bytes;
    if (w->call->b.type != TYPE_BF16) {
        take_part(w, &p, (real *)strip + p.term * p.width);
        return;
    }
    real rows[PACK_TERMS * MOST_STRIP];
    take_part(w, &p, rows);
    for (int64_t t = 0; t < p.terms; t++)
        w->kernel->store_bf16(rows + t * p.width, (bf16 *)strip + (p.term + t) * p.width);
}

// ---- The product ----

typedef struct tile {
    int64_t row, rows, column, columns;
    real sums[BIN_ROWS * MOST_STRIP]; // [rows, strip]
} tile;

static void finish(const work *w, const tile *t) {
    const sparse_gemm_call *call = w->call;
    real *c = matrix_real(call->c);
    int64_t strip = w->kernel->strip;
    if (call->transpose_c) {
        for (int64_t j = 0; j < t->columns; j++) {
            real *out = c + (t->column + j) * call->c.stride + t->row;
            const real *sum = t->sums + j;
            for (int64_t r = 0; r < t->rows; r++, sum += strip)
                out[r] = call->accumulate ? out[r] + *sum : *sum;
        }
        return;
    }
    for (int64_t r = 0; r < t->rows; r++) {
        real *out = c + (t->row + r) * call->c.stride + t->column;
        const real *sums = t->sums + r * strip;
        const real *before = call->accumulate ? out : call->bias ? call->bias + t->column : NULL;
        for (int64_t j = 0; j < t->columns; j++) out[j] = before ? before[j] + sums[j] : sums[j];
    }
}

// A strip of a block of rows, bin after bin. Tasks that follow each other share the strip.
static void multiply(void *context, int64_t task, int thread) {
    (void)thread;
    const work *w = context;
    const sparse_gemm_kernel *kernel = w->kernel;
    const sparse_bins *bins = &w->bins;
    int64_t index = task / w->row_blocks, block = task % w->row_blocks, at = bins->start[block];
    const char *part = w->strips + index * w->strip_bytes;
    const uint8_t *count = bins->count + block * divide_up(w->k, BIN_TERMS) * BIN_ROWS;
    tile t = {.row = block * BIN_ROWS, .column = index * kernel->strip};
    t.rows = least(bins->rows - t.row, BIN_ROWS);
    t.columns = least(w->n - t.column, kernel->strip);
    bool widened = w->call->b.type == TYPE_BF16;
    int64_t part_bytes = BIN_TERMS * kernel->strip * (int64_t)dtype_size(w->call->b.type);
    for (int64_t term = 0; term < w->k; term += BIN_TERMS, part += part_bytes, count += BIN_ROWS) {
        if (widened)
            kernel->add_bf16((const bf16 *)part, t.rows, count, bins->term + at, bins->value + at, t.sums);
        else
            kernel->add((const real *)part, t.rows, count, bins->term + at, bins->value + at, t.sums);
        for (int64_t r = 0; r < t.rows; r++) at += count[r];
    }
    finish(w, &t);
}

static sigmoe_status run(const kernel_context *context, work *w) {
    const sparse_gemm_call *call = w->call;
    int64_t strips = divide_up(w->n, w->kernel->strip);
    w->strip_bytes = w->k * w->kernel->strip * (int64_t)dtype_size(call->b.type);
    TRY(sparse_bins_of(context, w->kernel, call->a, call->transpose_a, &w->bins));
    TRY(ARENA_NEW_RAW(context->scratch, w->strips, strips * w->strip_bytes));
    w->row_blocks = divide_up(w->bins.rows, BIN_ROWS);
    parallel_for(context->threads, strips * divide_up(w->k, PACK_TERMS), pack_strip, w);
    parallel_for(context->threads, strips * w->row_blocks, multiply, w);
    return SIGMOE_OK;
}

sigmoe_status sparse_gemm(const kernel_context *context, const sparse_gemm_call *call) {
    work w = {
        .kernel = (const sparse_gemm_kernel *)kernel_choose(sparse_gemm_list.all, sparse_gemm_list.count),
        .call = call,
        .k = call->transpose_b ? call->b.cols : call->b.rows,
        .n = call->transpose_b ? call->b.rows : call->b.cols};
    assert(call->a.type == call->b.type && call->c.type == TYPE_REAL);
    assert((call->transpose_a ? call->a.rows : call->a.cols) == w.k);
    assert((call->transpose_c ? call->c.rows : call->c.cols) == w.n);
    assert(!call->bias || !(call->accumulate || call->transpose_c));
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = run(context, &w);
    arena_release(context->scratch, mark);
    return status;
}
