#include "kernels/expert_ffn/expert_ffn.h"

#include <assert.h>

#if REAL_IS_FLOAT
extern const expert_ffn_kernel expert_ffn_avx512, expert_ffn_avx2;
#endif
extern const expert_ffn_kernel expert_ffn_ref;

static const kernel_identity *const all[] = {
#include "kernels/register.h"
#include "kernels/expert_ffn/expert_ffn.inc"
};
const kernel_list expert_ffn_list = {"expert_ffn", all, sizeof all / sizeof *all};

static const expert_ffn_kernel *chosen(void) {
    return (const expert_ffn_kernel *)kernel_choose(expert_ffn_list.all, expert_ffn_list.count);
}

sigmoe_status expert_ffn_up(const kernel_context *context, const expert_ffn_call *call) {
    assert(call->x.rows == call->grouping->tokens && call->x.cols == call->width);
    return chosen()->up(context, call);
}

sigmoe_status expert_ffn_down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    assert(y.rows == call->grouping->tokens && y.cols == call->width);
    return chosen()->down(context, call, y);
}

sigmoe_status expert_ffn_backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    assert(gradients->dy.rows == call->grouping->tokens && gradients->dy.cols == call->width);
    assert(gradients->dx.rows == call->grouping->tokens && gradients->dx.cols == call->width);
    return chosen()->backward(context, call, gradients);
}
