#include "kernels/expert_ffn/expert_ffn.h"

#include <assert.h>

#if REAL_IS_FLOAT
extern const expert_ffn_kernel expert_ffn_avx512, expert_ffn_avx2;
extern const expert_ffn_kernel expert_ffn_bf16_amxbf16, expert_ffn_bf16_avx512bf16, expert_ffn_bf16_avx512,
    expert_ffn_bf16_avx2;
#endif
extern const expert_ffn_kernel expert_ffn_ref, expert_ffn_bf16_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/expert_ffn/expert_ffn.inc"
};
const kernel_list expert_ffn_list = {"expert_ffn", all, sizeof all / sizeof *all};

static const kernel_identity *const all_bf16[] = {
#include "kernels/register.h"
#include "kernels/expert_ffn/expert_ffn_bf16.inc"
};
const kernel_list expert_ffn_bf16_list = {"expert_ffn_bf16", all_bf16, sizeof all_bf16 / sizeof *all_bf16};

static const expert_ffn_kernel *chosen_for(const expert_ffn_call *call) {
    assert(call->x.type == call->up.type && call->x.type == call->down.type);
    assert(call->x.type == call->hidden.type);
    const kernel_list *list = call->x.type == TYPE_BF16 ? &expert_ffn_bf16_list : &expert_ffn_list;
    return (const expert_ffn_kernel *)kernel_choose(list->all, list->count);
}

sigmoe_status expert_ffn_up(const kernel_context *context, const expert_ffn_call *call) {
    assert(call->x.rows == call->grouping->tokens && call->x.cols == call->width);
    return chosen_for(call)->up(context, call);
}

sigmoe_status expert_ffn_down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    assert(y.rows == call->grouping->tokens && y.cols == call->width);
    return chosen_for(call)->down(context, call, y);
}

sigmoe_status expert_ffn_backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    assert(gradients->dy.type == call->x.type);
    assert(gradients->dy.rows == call->grouping->tokens && gradients->dy.cols == call->width);
    assert(gradients->dx.rows == call->grouping->tokens && gradients->dx.cols == call->width);
    return chosen_for(call)->backward(context, call, gradients);
}
