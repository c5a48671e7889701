// Dense products of few rows, such as those of a text's next token: then each weight is used only a few times, and the product is
// as fast as the memory that they come from. They are read once, where they lie and in their order.
#pragma once

#include "kernels/dense_gemm/gemm_call.h"

enum { FEW_ROWS = 8 };

// Whether the call is one of these: at most FEW_ROWS rows, of an a that is not transposed.
bool few_rows_serve(const gemm_call *call);
// A row of the product has the same bits whichever rows are beside it.
sigmoe_status few_rows_gemm(const kernel_context *context, const gemm_call *call);

typedef struct few_rows_kernel few_rows_kernel;

// The same in tasks of an operation that goes on with columns of the product.
typedef struct few_rows_product {
    gemm_call call; // one of these
    // [m, k], with FEW_ROWS_PADDING zeros before and behind each row, times the scales of b's rows if it has some and is not
    // transposed.
    matrix a;
    const few_rows_kernel *kernel;
} few_rows_product;
// Takes scratch memory, which the caller releases when the product is done.
sigmoe_status few_rows_begin(const kernel_context *context, const gemm_call *call, few_rows_product *out);
// A product of the same a, without its own copy of that; b is transposed.
few_rows_product few_rows_sharing(const few_rows_product *p, const gemm_call *call);
// Computes columns [first, last) of c.
void few_rows_columns(const few_rows_product *p, int64_t first, int64_t last);

enum { FEW_ROWS_PADDING = 160 };

struct few_rows_kernel {
    kernel_identity identity;
    dtype inputs; // the type of the product's a where b is transposed; otherwise it is TYPE_REAL
    // Columns [first, last) of c.
    void (*columns)(const few_rows_product *p, int64_t first, int64_t last);
};
