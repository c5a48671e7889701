// Between the model's sums, which are `real`, and the operands of its products, which are what step->operands says.
#pragma once

#include "kernels/pointwise/pointwise.h"
#include "model/step.h"

// m as a matrix of `type`: itself where it is of that type, else a converted copy in scratch memory.
static inline sigmoe_status matrix_as(const step_context *step, matrix m, dtype type, matrix *out) {
    *out = m;
    if (m.type == type) return SIGMOE_OK;
    TRY(matrix_new(step->kernel.scratch, type, m.rows, m.cols, out));
    copy_into(&step->kernel, *out, m);
    return SIGMOE_OK;
}

static inline sigmoe_status as_operand(const step_context *step, matrix m, matrix *out) {
    return matrix_as(step, m, step->operands, out);
}
