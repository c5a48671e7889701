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

// ---- Whether arguments fit each other ----

static bool has_shape(matrix m, int64_t rows, int64_t cols) {
    return m.rows == rows && m.cols == cols;
}
static bool holds_rows(matrix m, dtype type, int64_t rows, int64_t cols) {
    return m.type == type && m.rows >= rows && m.cols == cols && m.stride == cols;
}

// Whether m is shaped as the weights of all experts from `inputs` to `outputs`.
static bool has_weights_shape(const expert_set *set, matrix m, int64_t inputs, int64_t outputs) {
    return m.stride == m.cols &&
           (set->layout == SIGMOE_EXPERTS_EDG ? has_shape(m, set->experts * inputs, outputs)
                                              : has_shape(m, set->experts * outputs, inputs));
}

static bool set_fits(const expert_set *set) {
    int64_t channels = expert_channels(set);
    dtype type = set->up.type;
    return set->down.type == type && has_weights_shape(set, set->up, set->width, channels) &&
           has_weights_shape(set, set->down, set->expert_size, set->out_width) &&
           (!set->up_bias.data || holds_rows(set->up_bias, type, set->experts, channels)) &&
           (!set->down_bias.data || holds_rows(set->down_bias, type, set->experts, set->out_width));
}

static bool call_fits(const expert_ffn_call *call) {
    const expert_set *set = &call->set;
    const expert_grouping *g = call->grouping;
    dtype type = set->up.type;
    int64_t served = g->offset[g->experts];
    return set_fits(set) && g->experts == set->experts && call->x.type == type &&
           has_shape(call->x, g->tokens, set->width) &&
           holds_rows(call->hidden, type, served, set->expert_size) &&
           (!call->before.data || holds_rows(call->before, type, served, expert_channels(set)));
}

// Whether m is absent, or an output of this shape.
static bool output_fits(const expert_ffn_call *call, matrix m, int64_t rows, int64_t cols) {
    return !m.data || (has_shape(m, rows, cols) && (m.type == TYPE_REAL || m.type == call->x.type));
}

static bool gradients_fit(const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    const expert_set *set = &call->set;
    int64_t tokens = call->grouping->tokens;
    return gradients->dy.type == call->x.type && has_shape(gradients->dy, tokens, set->out_width) &&
           output_fits(call, gradients->dx, tokens, set->width) &&
           output_fits(call, gradients->dup, set->up.rows, set->up.cols) &&
           output_fits(call, gradients->ddown, set->down.rows, set->down.cols) &&
           output_fits(call, gradients->dup_bias, set->experts, expert_channels(set)) &&
           output_fits(call, gradients->ddown_bias, set->experts, set->out_width) &&
           (call->before.data || !experts_need_before(set));
}

static void require(bool fits) {
    assert(fits);
    (void)fits;
}

// ---- The choice ----

static const expert_ffn_kernel *chosen(dtype operands) {
    const kernel_list *list = operands == TYPE_BF16 ? &expert_ffn_bf16_list : &expert_ffn_list;
    return (const expert_ffn_kernel *)kernel_choose(list->all, list->count);
}

sigmoe_status expert_ffn_up(const kernel_context *context, const expert_ffn_call *call) {
    require(call_fits(call));
    THREADS_PART(context->threads, "experts: up");
    return chosen(call->x.type)->up(context, call);
}

sigmoe_status expert_ffn_down(const kernel_context *context, const expert_ffn_call *call, matrix y) {
    require(call_fits(call) && output_fits(call, y, call->grouping->tokens, call->set.out_width));
    THREADS_PART(context->threads, "experts: down");
    return chosen(call->x.type)->down(context, call, y);
}

sigmoe_status expert_ffn_backward(
    const kernel_context *context, const expert_ffn_call *call, const expert_ffn_gradients *gradients) {
    require(call_fits(call) && gradients_fit(call, gradients));
    THREADS_PART(context->threads, "experts: back to tokens");
    return chosen(call->x.type)->backward(context, call, gradients);
}

int64_t expert_ffn_packed_bytes(const expert_set *set) {
    require(set_fits(set));
    const expert_ffn_kernel *kernel = chosen(set->up.type);
    return kernel->packed_bytes ? kernel->packed_bytes(set) : 0;
}

void expert_ffn_pack(const kernel_context *context, const expert_set *set, void *packed) {
    require(set_fits(set));
    const expert_ffn_kernel *kernel = chosen(set->up.type);
    if (kernel->pack) kernel->pack(context, set, packed);
}
