// The scalar reference, summed in double.
#include "kernels/dense_gemm/few_rows.h"

// Of TYPE_I8 the number: a row's scale is in a, or where b is transposed, multiplies the sum.
static double weight_at(const gemm_call *call, int64_t term, int64_t column) {
    int64_t row = call->transpose_b ? column : term, at = call->transpose_b ? term : column;
    if (call->b.type == TYPE_I8) return (double)((const int8_t *)call->b.data)[row * call->b.stride + at];
    return (double)(call->transpose_b ? matrix_at(call->b, column, term) : matrix_at(call->b, term, column));
}

static void put(const gemm_call *call, int64_t row, int64_t column, real sum) {
    void *c = matrix_row(call->c, row);
    if (call->bias) sum += call->bias[column];
    if (call->relu) sum = sum > 0 ? sum : 0;
    if (call->c.type == TYPE_BF16)
        ((bf16 *)c)[column] = bf16_of((float)sum);
    else
        ((real *)c)[column] = call->accumulate ? ((real *)c)[column] + sum : sum;
}

static void columns(const few_rows_product *p, int64_t first, int64_t last) {
    const gemm_call *call = &p->call;
    for (int64_t row = 0; row < p->a.rows; row++)
        for (int64_t column = first; column < last; column++) {
            const real *x = matrix_row(p->a, row);
            double sum = 0;
            for (int64_t term = 0; term < p->a.cols; term++)
                sum += (double)x[term] * weight_at(call, term, column);
            if (call->b.type == TYPE_I8 && call->transpose_b) sum *= (double)call->b.scale[column];
            put(call, row, column, (real)sum);
        }
}

extern const few_rows_kernel few_rows_ref, few_rows_bf16_ref, few_rows_i8_ref;
const few_rows_kernel few_rows_ref = {{"ref", CPU_SCALAR}, TYPE_REAL, columns};
const few_rows_kernel few_rows_bf16_ref = {{"ref", CPU_SCALAR}, TYPE_REAL, columns};
const few_rows_kernel few_rows_i8_ref = {{"ref", CPU_SCALAR}, TYPE_REAL, columns};
