#include "kernels/relative_attention/relative_attention.h"

#include <assert.h>

extern const relative_attention_kernel relative_attention_avx512, relative_attention_avx2,
    relative_attention_ref;
extern const relative_attention_kernel relative_attention_bf16_amxbf16, relative_attention_bf16_avx512bf16,
    relative_attention_bf16_avx512, relative_attention_bf16_avx2, relative_attention_bf16_ref;

// Operands of `real` and of bf16 are separate operations: their best implementations differ.
static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/relative_attention/relative_attention.inc"
};
const kernel_list relative_attention_list = {"relative_attention", all, sizeof all / sizeof *all};

static const kernel_identity *const all_bf16[] = {
#include "kernels/register.h"
#include "kernels/relative_attention/relative_attention_bf16.inc"
};
const kernel_list relative_attention_bf16_list = {
    "relative_attention_bf16", all_bf16, sizeof all_bf16 / sizeof *all_bf16};

static const relative_attention_kernel *chosen(const attention_call *call) {
    const kernel_list *list =
        call->q.type == TYPE_BF16 ? &relative_attention_bf16_list : &relative_attention_list;
    return (const relative_attention_kernel *)kernel_choose(list->all, list->count);
}

sigmoe_status attention_forward(const kernel_context *context, const attention_call *call) {
    assert(call->batch > 0 && call->queries > 0 && call->memory >= 0);
    assert(call->heads > 0 && call->head_width > 0);
    THREADS_PART(context->threads, "attention: scores and values");
    return chosen(call)->forward(context, call);
}

sigmoe_status attention_backward(
    const kernel_context *context, const attention_call *call, const attention_gradients *gradients) {
    THREADS_PART(context->threads, "attention: scores and values, backward");
    return chosen(call)->backward(context, call, gradients);
}
