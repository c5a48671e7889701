// Experts whose weights are TYPE_I8, beside operands of TYPE_REAL: forward only, of plain ReLU experts without biases. Where no
// expert has more than a few tokens, their weights are read as they are; otherwise those in use are widened first.
#pragma once

#include "kernels/expert_ffn/expert_ffn.h"

// As expert_ffn_up and expert_ffn_down.
sigmoe_status quantized_experts_up(const kernel_context *context, const expert_ffn_call *call);
sigmoe_status quantized_experts_down(const kernel_context *context, const expert_ffn_call *call, matrix y);
