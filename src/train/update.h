// The update that ends a training step, by all ranks together: each has the moments of all tensors or, where the team shares them, of
// its shares, and updates the values that it has moments of.
#pragma once

#include "kernels/kernel.h"
#include "train/step_report.h"
#include "train/team.h"
#include "train/tensor_flow.h"

// Whether ranks have moments of parts of tensors.
bool update_shares_moments(const team *t);
// What to store of a model that the team trains: where ranks share moments and products see rounded copies, values in shares, too.
parameter_storage update_storage(const team *t, sigmoe_dtype operands);
// Allocates the moments that this rank has, and masters beside them.
sigmoe_status update_prepare(const team *t, parameter_list *list);
double update_moment_bytes(const parameter_list *list);
double update_master_bytes(const parameter_list *list); // 0: all values are here

// Of the gradient of the whole batch, of which this rank has its shares.
sigmoe_status update_gradient_norm(
    const team *t, const kernel_context *context, const parameter_list *list, double *norm);
// The tensor whose gradient a backward pass found first that has a value that is not finite; NULL: there is none.
sigmoe_status update_first_bad_gradient(
    const team *t, const parameter_list *list, arena *scratch, const parameter **bad);
// Clipping and Adam, after which all ranks have the same values, or rounded copies where they have masters.
sigmoe_status update_weights(const team *t, tensor_flow *flow, const kernel_context *context,
    parameter_list *list, const sigmoe_train_settings *settings, const step_report *report);
