// Mixture of experts: of the N_E * G channels, only those of the K experts picked by a router are computed and summed,
// y = Σ_e (w_e · ReLU(x · W1[e])) · W2[e].
#include "kernels/expert_ffn/quantized_experts.h"
#include "model/feedforward/parallel_experts.h"
#include "model/feedforward/route.h"
#include "model/feedforward/router_names.h"
#include "model/feedforward/routers.h"
#include "model/feedforward/statistics.h"
#include "model/feedforward/token_grouping.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const init_names[] = {
    [MOE_INIT_DENSE_EQUIVALENT] = "dense_equivalent",
    [MOE_INIT_STANDARD] = "standard",
    [MOE_INIT_SWITCH] = "switch",
    NULL,
};

static const option options[] = {
    {.name = "n_experts",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, moe.n_experts),
        .required = true,
        .low = 1,
        .high = 1 << 16,
        .help = "experts"},
    {.name = "expert_size",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, moe.expert_size),
        .required = true,
        .low = 1,
        .high = 1 << 14,
        .help = "inner width of an expert"},
    {.name = "k",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, moe.k),
        .required = true,
        .low = 1,
        .high = 1 << 16,
        .help = "experts that serve a token"},
    {.name = "router",
        .type = OPTION_CHOICE,
        .offset = offsetof(ff_options, moe.router),
        .required = true,
        .choices = router_names,
        .help = "how experts are picked and weighted"},
    {.name = "expert_dropout",
        .type = OPTION_NUMBER,
        .offset = offsetof(ff_options, moe.expert_dropout),
        .low = 0,
        .high = 0.999,
        .usual = 0,
        .help = "probability that an expert is not available to a token in training"},
    {.name = "dropout",
        .type = OPTION_NUMBER,
        .offset = offsetof(ff_options, moe.dropout),
        .low = 0,
        .high = 0.999,
        .usual = 0,
        .help = "dropout of channels inside the experts"},
    {.name = "regularizer",
        .type = OPTION_CHOICE,
        .offset = offsetof(ff_options, moe.regularizer),
        .required = true,
        .choices = regularizer_names,
        .help = "what balances the use of experts in training"},
    {.name = "regularizer_weight",
        .type = OPTION_NUMBER,
        .offset = offsetof(ff_options, moe.regularizer_weight),
        .low = 0,
        .high = 1e6,
        .usual = 0,
        .help = "factor of the regularizer in the loss"},
    {.name = "channels_kept",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, moe.channels_kept),
        .low = 0,
        .high = 1 << 30,
        .usual = 0,
        .help = "of the k * expert_size channels of a token, only the largest so many are summed; 0: all"},
    {.name = "init",
        .type = OPTION_CHOICE,
        .offset = offsetof(ff_options, moe.init),
        .usual = MOE_INIT_DENSE_EQUIVALENT,
        .choices = init_names,
        .help = "scale of the initial weights: as one dense block, each expert by itself, or as Switch"},
};

enum { EXPERTS_UP, EXPERTS_DOWN }; // behind the router's tensors: W1 [N_E, d, G], W2 [N_E, G, d]

static parameter *expert_tensor(const ff_layer *layer, int index) {
    return ff_tensor(layer, router_at(layer->options.moe.router)->tensors + index);
}

static matrix expert_operand(const ff_layer *layer, const step_context *step, int index) {
    return parameter_operand(expert_tensor(layer, index), step->operands);
}

static matrix expert_gradient(const ff_layer *layer, int index) {
    const parameter *p = expert_tensor(layer, index);
    return matrix_of(p->gradient, p->shape[0] * p->shape[1], p->shape[2]);
}

static sigmoe_status check_router(const moe_options *o) {
    const router *kind = router_at(o->router);
    const char *name = moe_router_name(o->router);
    if (!kind->learned && o->regularizer != REGULARIZER_NONE)
        return fail(SIGMOE_BAD_ARGUMENT,
            "ff.regularizer is %s, but the %s router (ff.router) has no logits to regularize: set it to none",
            regularizer_names[o->regularizer], name);
    if (!kind->expert_dropout && o->expert_dropout != 0)
        return fail(SIGMOE_BAD_ARGUMENT,
            "ff.expert_dropout is %g, but the %s router (ff.router) knows no expert dropout: set it to 0",
            o->expert_dropout, name);
    return SIGMOE_OK;
}

static sigmoe_status check(const ff_options *values, const ff_surroundings *around) {
    (void)around;
    const moe_options *o = &values->moe;
    TRY(option_check(ff_variant_moe.options, "ff.", values));
    if (o->k > o->n_experts)
        return fail(SIGMOE_BAD_ARGUMENT,
            "ff.k is %" PRId64 ", but ff.n_experts is %" PRId64 ": choose at most so many", o->k,
            o->n_experts);
    if (o->channels_kept > o->k * o->expert_size)
        return fail(SIGMOE_BAD_ARGUMENT,
            "ff.channels_kept is %" PRId64
            ", but the channels of a token are ff.k * ff.expert_size = %" PRId64
            ": choose at most so many, or 0 for all",
            o->channels_kept, o->k * o->expert_size);
    return check_router(o);
}

static sigmoe_status declare(
    const ff_options *values, const ff_surroundings *around, int layer, parameter_list *list) {
    const moe_options *o = &values->moe;
    int64_t d = around->d_model;
    double scale = ff_init_scale(around) * (o->init == MOE_INIT_SWITCH ? sqrt(0.1) : 1);
    double fan_in = (double)o->expert_size;
    if (o->init == MOE_INIT_DENSE_EQUIVALENT) fan_in *= (double)o->n_experts;
    TRY(router_declare(o, around, layer, list));
    TRY(ff_declare(list, layer,
        (parameter_declaration){.name = "experts.up",
            .dims = 3,
            .shape = {o->n_experts, d, o->expert_size},
            .init = INIT_NORMAL,
            .init_scale = scale / sqrt((double)d),
            .product = true,
            .large = true,
            .by_expert = true}));
    return ff_declare(list, layer,
        (parameter_declaration){.name = "experts.down",
            .dims = 3,
            .shape = {o->n_experts, o->expert_size, d},
            .init = INIT_NORMAL,
            .init_scale = scale / sqrt(fan_in),
            .product = true,
            .large = true,
            .by_expert = true});
}

typedef struct moe_saved {
    routing routing;
    regularization regularization;
    expert_grouping grouping;
    expert_ffn_call experts;
    parallel_experts elsewhere; // where experts are spread over processes
} moe_saved;

static sigmoe_status group_pairs(const step_context *step, arena *home, moe_saved *s) {
    const routing *r = &s->routing;
    THREADS_PART(step->kernel.threads, "grouping");
    return group_tokens(home, r->chosen, r->tokens, r->slots, r->experts, &s->grouping);
}

static sigmoe_status serve_tokens(
    const ff_layer *layer, step_context *step, arena *home, matrix x, matrix y, moe_saved *s) {
    const moe_options *o = &layer->options.moe;
    const routing *r = &s->routing;
    TRY(group_pairs(step, home, s));
    s->experts = (expert_ffn_call){
        .grouping = &s->grouping,
        .set = {.experts = o->n_experts,
            .width = layer->around.d_model,
            .expert_size = o->expert_size,
            .out_width = layer->around.d_model,
            .up = expert_operand(layer, step, EXPERTS_UP),
            .down = expert_operand(layer, step, EXPERTS_DOWN)},
        .x = x,
        .weight = r->weight,
    };
    if (step->experts) return parallel_experts_forward(layer, step, home, r, &s->experts, y, &s->elsewhere);
    TRY(matrix_new(home, step->operands, r->tokens * r->slots, o->expert_size, &s->experts.hidden));
    bool quantized = s->experts.set.up.type == TYPE_I8;
    TRY(quantized ? quantized_experts_up(&step->kernel, &s->experts)
                  : expert_ffn_up(&step->kernel, &s->experts));
    TRY(make_expert_mask(layer, step, home, r, &s->experts));
    observe_experts(layer, step, r, &s->experts);
    return quantized ? quantized_experts_down(&step->kernel, &s->experts, y)
                     : expert_ffn_down(&step->kernel, &s->experts, y);
}

static sigmoe_status forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved) {
    arena_mark mark = arena_here(step->kernel.scratch);
    arena *home = ff_home(step);
    sigmoe_status status;
    moe_saved *s;
    TRY_OR(done, ARENA_NEW(home, s, 1));
    router_call call = {layer, step, home, x};
    TRY_OR(done, route(&call, &s->routing));
    TRY_OR(done, regularize(layer, step, &s->routing, &s->regularization));
    TRY_OR(done, serve_tokens(layer, step, home, x, y, s));
    *saved = step->keep ? s : NULL;
done:
    arena_release(step->kernel.scratch, mark);
    return status;
}

static sigmoe_status backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    moe_saved *s = saved;
    arena_mark mark = arena_here(step->kernel.scratch);
    sigmoe_status status;
    expert_ffn_gradients gradients = {
        .dy = dy,
        .dx = dx,
        .dup = expert_gradient(layer, EXPERTS_UP),
        .ddown = expert_gradient(layer, EXPERTS_DOWN),
    };
    TRY_OR(
        done, ARENA_NEW_RAW(step->kernel.scratch, gradients.dweight, s->routing.tokens * s->routing.slots));
    s->experts.x = x;
    TRY_OR(done, step->experts ? parallel_experts_backward(step, &s->elsewhere, &gradients)
                               : expert_ffn_backward(&step->kernel, &s->experts, &gradients));
    router_call call = {layer, step, step->activations, x};
    TRY_OR(done, route_backward(&call, &s->routing, &s->regularization, gradients.dweight, dx));
done:
    arena_release(step->kernel.scratch, mark);
    return status;
}

static double multiply_adds(const ff_options *values, const ff_surroundings *around) {
    const moe_options *o = &values->moe;
    double computed = (double)o->k * (double)o->expert_size;
    double summed = o->channels_kept ? (double)o->channels_kept : computed;
    return (double)around->d_model * (computed + summed);
}

static double executed_multiply_adds(const ff_options *values, const ff_surroundings *around) {
    const moe_options *o = &values->moe;
    const router *kind = router_at(o->router);
    double logits = kind->learned ? (double)o->n_experts : 0;
    return (double)around->d_model * (2 * (double)o->k * (double)o->expert_size + logits);
}

static double saved_bytes(const ff_options *values, const ff_surroundings *around, dtype operands) {
    (void)around;
    const moe_options *o = &values->moe;
    bool masked = o->channels_kept || o->dropout > 0;
    double hidden = (double)o->k * (double)o->expert_size;
    double hidden_bytes = hidden * ((double)dtype_size(operands) + (masked ? sizeof(real) : 0));
    double choice = (double)o->k * (sizeof(real) + 3 * sizeof(int32_t));
    double scores =
        router_at(o->router)->learned ? 3 * (double)o->n_experts : 0; // logits, scores, probabilities
    return hidden_bytes + sizeof(real) * scores + choice + (o->expert_dropout > 0 ? (double)o->n_experts : 0);
}

static int64_t channels(const ff_options *values) {
    return values->moe.n_experts * values->moe.expert_size;
}

static void unlearned(const ff_options *values, char *line, size_t size) {
    const moe_options *o = &values->moe;
    router_teacher teacher = router_taught_by(o);
    char why[160];
    bool alone = o->n_experts == 1;
    line[0] = '\0';
    if (teacher == TAUGHT_BY_LOSS) return;
    snprintf(why, sizeof why, "with ff.%s 1 the %s router (ff.router) always gives the weight 1",
        alone ? "n_experts" : "k", moe_router_name(o->router));
    snprintf(line, size, "%s: %s, and the loss has no gradient for it%s",
        teacher == TAUGHT_BY_NOTHING ? "the router cannot learn and stays as it is"
                                     : "the router learns from the regularizer alone",
        why, alone ? "" : "; with ff.k 2 or more, or the router softmax or sigmoid, it learns from the loss");
}

static bool looks_at_batch(const ff_options *values) {
    const moe_options *o = &values->moe;
    return router_at(o->router)->looks_at_batch || regularizer_applies(o);
}

static int64_t experts(const ff_options *values, bool *has_logits) {
    *has_logits = router_at(values->moe.router)->learned;
    return values->moe.n_experts;
}

const ff_variant ff_variant_moe = {
    .name = "moe",
    .help = "mixture of experts: a router picks k of them for each token",
    .options = {options, sizeof options / sizeof *options},
    .check = check,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .multiply_adds = multiply_adds,
    .executed_multiply_adds = executed_multiply_adds,
    .saved_bytes = saved_bytes,
    .channels = channels,
    .unlearned = unlearned,
    .looks_at_batch = looks_at_batch,
    .experts = experts,
};
