// The scalar reference for bf16 operands: runs that for `real` on copies; only what is stored is rounded.
#include "kernels/pointwise/pointwise.h"
#include "kernels/relative_attention/relative_attention.h"

extern const relative_attention_kernel relative_attention_ref, relative_attention_bf16_ref;

// The call with widened copies of its matrices; biases and logsumexp remain the caller's.
static sigmoe_status widen_call(
    const kernel_context *context, const attention_call *call, attention_call *copy) {
    *copy = *call;
    TRY(matrix_as(context, call->q, TYPE_REAL, &copy->q));
    TRY(matrix_as(context, call->k, TYPE_REAL, &copy->k));
    TRY(matrix_as(context, call->v, TYPE_REAL, &copy->v));
    return matrix_as(context, call->positions, TYPE_REAL, &copy->positions);
}

static sigmoe_status forward_in(const kernel_context *context, const attention_call *call) {
    attention_call copy;
    TRY(widen_call(context, call, &copy));
    TRY(matrix_new(context->scratch, TYPE_REAL, call->out.rows, call->out.cols, &copy.out));
    TRY(relative_attention_ref.forward(context, &copy));
    copy_into(context, call->out, copy.out);
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
    TRY(widen_call(context, call, &copy));
    TRY(matrix_as(context, call->out, TYPE_REAL, &copy.out));
    TRY(matrix_as(context, gradients->dout, TYPE_REAL, &wide.dout));
    TRY(matrix_new(scratch, TYPE_REAL, call->q.rows, call->q.cols, &wide.dq));
    TRY(matrix_new(scratch, TYPE_REAL, call->k.rows, call->k.cols, &wide.dk));
    TRY(matrix_new(scratch, TYPE_REAL, call->v.rows, call->v.cols, &wide.dv));
    TRY(matrix_new(scratch, TYPE_REAL, call->positions.rows, call->positions.cols, &wide.dpositions));
    TRY(relative_attention_ref.backward(context, &copy, &wide));
    copy_into(context, gradients->dq, wide.dq);
    copy_into(context, gradients->dk, wide.dk);
    copy_into(context, gradients->dv, wide.dv);
    copy_into(context, gradients->dpositions, wide.dpositions);
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
