#include "train/update.h"

#include "kernels/adam/adam.h"
#include "train/schedule.h"

#include <math.h>

static const double ADAM_BETA1 = 0.9, ADAM_BETA2 = 0.999, ADAM_EPSILON = 1e-8;

bool update_shares_moments(const team *t) {
    return t->link && t->sharing.zero > 0;
}

parameter_storage update_storage(const team *t, sigmoe_dtype operands) {
    return update_shares_moments(t) && operands == SIGMOE_BF16 ? STORE_MASTERS : STORE_GRADIENTS;
}

sigmoe_status update_prepare(const team *t, parameter_list *list) {
    for (int i = 0; i < parameters_length(list); i++) {
        parameter *p = parameters_at(list, i);
        if (p->trainable) p->moments = update_shares_moments(t) ? team_share(t, p) : p->held;
    }
    return parameters_allocate_moments(list);
}

double update_moment_bytes(const parameter_list *list) {
    double values = 0;
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (p->trainable) values += (double)p->moments.count;
    }
    return 2 * values * sizeof(real);
}

double update_master_bytes(const parameter_list *list) {
    double values = 0;
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (p->master) values += (double)p->moments.count;
    }
    return values * sizeof(real);
}

// ---------------------------------------------------------------- the gradient

sigmoe_status update_gradient_norm(
    const team *t, const kernel_context *context, const parameter_list *list, double *norm) {
    const whole_batch all = {.exchange = team_exchange(t)};
    double total = 0;
    THREADS_PART(context->threads, "gradients: norm");
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        double squares = 0;
        if (!p->trainable) continue;
        tensor_range share = team_share(t, p);
        TRY(sum_of_squares(context, p->gradient + share.first, share.count, &squares));
        total += squares;
    }
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = whole_batch_sum(&all, &total, 1, context->scratch);
    arena_release(context->scratch, mark);
    *norm = sqrt(total);
    return status;
}

// Backward passes go from the last tensor to the first. -1: all are finite.
static int last_bad_share(const team *t, const parameter_list *list) {
    for (int i = parameters_length(list) - 1; i >= 0; i--) {
        const parameter *p = parameters_at(list, i);
        if (!p->trainable) continue;
        tensor_range share = team_share(t, p);
        if (!all_finite(p->gradient + share.first, share.count)) return i;
    }
    return -1;
}

sigmoe_status update_first_bad_gradient(
    const team *t, const parameter_list *list, arena *scratch, const parameter **bad) {
    const whole_batch whole = {.exchange = team_exchange(t)};
    double own = last_bad_share(t, list), found = -1;
    const double *all;
    int64_t ranks;
    arena_mark mark = arena_here(scratch);
    sigmoe_status status = whole_batch_gather(&whole, &own, 1, scratch, &ranks, &all);
    for (int64_t rank = 0; rank < ranks && status == SIGMOE_OK; rank++) found = fmax(found, all[rank]);
    *bad = found < 0 ? NULL : parameters_at(list, (int)found);
    arena_release(scratch, mark);
    return status;
}

// ---------------------------------------------------------------- Adam

static adam_call call_of(
    const parameter *p, const sigmoe_train_settings *settings, const step_report *report) {
    int64_t first = p->moments.first;
    return (adam_call){.count = p->moments.count,
        .value = parameter_kept_values(p) + first - parameter_kept(p).first,
        .gradient = p->gradient + first,
        .moment1 = p->moment1,
        .moment2 = p->moment2,
        .gradient_factor = clip_factor(settings->clip, report->gradient_norm),
        .lr = report->lr,
        .beta1 = ADAM_BETA1,
        .beta2 = ADAM_BETA2,
        .epsilon = ADAM_EPSILON,
        .weight_decay = settings->weight_decay,
        .step = report->step,
        .rounded = settings->dtype == SIGMOE_BF16 && p->rounded ? p->rounded + first : NULL};
}

// What others have updated is not rounded here yet, where it came as a value.
static sigmoe_status share_values(const kernel_context *context, tensor_flow *flow, parameter_list *list) {
    THREADS_PART(context->threads, "ranks: values");
    tensor_flow_begin(flow, FLOW_VALUES);
    TRY(tensor_flow_finish(flow));
    parameters_changed(list);
    return SIGMOE_OK;
}

sigmoe_status update_weights(const team *t, tensor_flow *flow, const kernel_context *context,
    parameter_list *list, const sigmoe_train_settings *settings, const step_report *report) {
    THREADS_PART(context->threads, "Adam");
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (!p->trainable) continue;
        adam_call call = call_of(p, settings, report);
        TRY(adam_update(context, &call));
    }
    return update_shares_moments(t) ? share_values(context, flow, list) : SIGMOE_OK;
}
