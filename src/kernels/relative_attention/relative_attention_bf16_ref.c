// The scalar truth for bf16 operands: the one for `real`, on copies; only what is stored is rounded.
#include "kernels/relative_attention/relative_attention.h"

extern const relative_attention_kernel relative_attention_ref, relative_attention_bf16_ref;

// A copy of `from` as TYPE_REAL.
static sigmoe_status widened(arena *scratch, matrix from, matrix *copy) {
    TRY(matrix_new(scratch, TYPE_REAL, from.rows, from.cols, copy));
    for (int64_t i = 0; i < from.rows; i++) {
        const bf16 *row = matrix_row(from, i);
        real *wide = matrix_row(*copy, i);
        for (int64_t c = 0; c < from.cols; c++) wide[c] = bf16_value(row[c]);
    }
    return SIGMOE_OK;
}

static void store_rounded(matrix to, matrix copy) {
    for (int64_t i = 0; i < to.rows; i++) {
        const real *wide = matrix_row(copy, i);
        bf16 *row = matrix_row(to, i);
        for (int64_t c = 0; c < to.cols; c++) row[c] = bf16_of((float)wide[c]);
    }
}

// The call on copies of its matrices; biases and logsumexp are the caller's own.
static sigmoe_status widen_call(arena *scratch, const attention_call *call, attention_call *copy) {
    *copy = *call;
    TRY(widened(scratch, call->q, &copy->q));
    TRY(widened(scratch, call->k, &copy->k));
    TRY(widened(scratch, call->v, &copy->v));
    return widened(scratch, call->positions, &copy->positions);
}

static sigmoe_status forward_in(const kernel_context *context, const attention_call *call) {
    attention_call copy;
    TRY(widen_call(context->scratch, call, &copy));
    TRY(matrix_new(context->scratch, TYPE_REAL, call->out.rows, call->out.cols, &copy.out));
    TRY(relative_attention_ref.forward(context, &copy));
    store_rounded(call->out, copy.out);
    return SIGMOE_OK;
}

static sigmoe_status forward(const kernel_context *context, const attention_call *call) {
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = forward_in(context, call);
    arena_release(context->scratch, mark);
    return status;
}

static sigmoe_status backward_in(
    const kernel_context *context, const attention_call *call, const attention_gradients *gradients) {
    attention_call copy;
    attention_gradients wide = *gradients;
    arena *scratch = context->scratch;
    TRY(widen_call(scratch, call, &copy));
    TRY(widened(scratch, call->out, &copy.out));
    TRY(widened(scratch, gradients->dout, &wide.dout));
    TRY(matrix_new(scratch, TYPE_REAL, call->q.rows, call->q.cols, &wide.dq));
    TRY(matrix_new(scratch, TYPE_REAL, call->k.rows, call->k.cols, &wide.dk));
    TRY(matrix_new(scratch, TYPE_REAL, call->v.rows, call->v.cols, &wide.dv));
    TRY(matrix_new(scratch, TYPE_REAL, call->positions.rows, call->positions.cols, &wide.dpositions));
    TRY(relative_attention_ref.backward(context, &copy, &wide));
    store_rounded(gradients->dq, wide.dq);
    store_rounded(gradients->dk, wide.dk);
    store_rounded(gradients->dv, wide.dv);
    store_rounded(gradients->dpositions, wide.dpositions);
    return SIGMOE_OK;
}

static sigmoe_status backward(
    const kernel_context *context, const attention_call *call, const attention_gradients *gradients) {
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = backward_in(context, call, gradients);
    arena_release(context->scratch, mark);
    return status;
}

const relative_attention_kernel relative_attention_bf16_ref = {{"ref", CPU_SCALAR}, forward, backward};
