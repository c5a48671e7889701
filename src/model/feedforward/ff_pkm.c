// Product-key memory (Lample et al. 2019) as used in the paper: n² values; the score of value i·n + j is the sum a[i] + b[j]
// of two half products. The values are summed in pkm_all.c (knn >= n) or pkm_search.c (knn < n).
//
// Under mixed precision sub-keys and values are operands, and scores f32 sums: values are found by scores that are not rounded.
#include "model/feedforward/pkm_all.h"
#include "model/feedforward/pkm_search.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const activation_names[] = {[PKM_RELU] = "relu", [PKM_SOFTMAX] = "softmax", NULL};
static const char *const init_names[] = {
    [PKM_INIT_STANDARD] = "standard", [PKM_INIT_DENSE_EQUIVALENT] = "dense_equivalent", NULL};

static const option options[] = {
    {.name = "n_heads",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, pkm.n_heads),
        .low = 1,
        .high = 1 << 10,
        .usual = 4,
        .help = "searches of a token, each with its own sub-keys"},
    {.name = "n_subkeys",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, pkm.n_subkeys),
        .required = true,
        .low = 1,
        .high = 1 << 12,
        .help = "sub-keys of each half; values are its square"},
    {.name = "knn",
        .type = OPTION_INTEGER,
        .offset = offsetof(ff_options, pkm.knn),
        .low = 1,
        .high = 1 << 24,
        .usual = 128,
        .help = "values that a head finds; from n_subkeys on, all values are summed"},
    {.name = "activation",
        .type = OPTION_CHOICE,
        .offset = offsetof(ff_options, pkm.activation),
        .required = true,
        .choices = activation_names,
        .help = "of the scores: relu is the paper's improvement, softmax the original"},
    {.name = "init",
        .type = OPTION_CHOICE,
        .offset = offsetof(ff_options, pkm.init),
        .usual = PKM_INIT_STANDARD,
        .choices = init_names,
        .help = "scale of the initial values: by d_model, or as the dense block with as many channels"},
};

static sigmoe_status check(const ff_options *values, const ff_surroundings *around) {
    TRY(option_check(ff_variant_pkm.options, "ff.", values));
    if (around->d_model % 2 != 0)
        return fail(SIGMOE_BAD_ARGUMENT,
            "d_model is %" PRId64
            ", but ff.type pkm halves it between its two sets of sub-keys: choose an even one",
            around->d_model);
    return SIGMOE_OK;
}

static sigmoe_status declare(
    const ff_options *values, const ff_surroundings *around, int layer, parameter_list *list) {
    const pkm_options *o = &values->pkm;
    int64_t d = around->d_model, n = o->n_subkeys;
    double scale = ff_init_scale(around), standard = scale / sqrt((double)d);
    const char *const names[] = {"subkeys.0", "subkeys.1"};
    for (int half = 0; half < 2; half++)
        TRY(ff_declare(list, layer,
            (parameter_declaration){.name = names[half],
                .dims = 3,
                .shape = {o->n_heads, n, d / 2},
                .init = INIT_NORMAL,
                .init_scale = standard,
                .product = true}));
    return ff_declare(list, layer,
        (parameter_declaration){.name = "values",
            .dims = 2,
            .shape = {n * n, d},
            .init = INIT_NORMAL,
            .init_scale = o->init == PKM_INIT_STANDARD ? standard : scale / (double)n,
            .product = true,
            .large = true});
}

static bool sums_all(const pkm_options *o) {
    return o->knn >= o->n_subkeys;
}

static sigmoe_status forward(const ff_layer *layer, step_context *step, matrix x, matrix y, void **saved) {
    arena_mark mark = arena_here(step->kernel.scratch);
    sigmoe_status status = sums_all(&layer->options.pkm) ? pkm_all_forward(layer, step, x, y, saved)
                                                         : pkm_search_forward(layer, step, x, y, saved);
    if (!step->keep) *saved = NULL;
    arena_release(step->kernel.scratch, mark);
    return status;
}

static sigmoe_status backward(
    const ff_layer *layer, step_context *step, void *saved, matrix x, matrix dy, matrix dx) {
    arena_mark mark = arena_here(step->kernel.scratch);
    sigmoe_status status = sums_all(&layer->options.pkm) ? pkm_all_backward(layer, step, saved, x, dy, dx)
                                                         : pkm_search_backward(layer, step, saved, x, dy, dx);
    arena_release(step->kernel.scratch, mark);
    return status;
}

static double values_summed(const pkm_options *o) {
    double n = (double)o->n_subkeys;
    return sums_all(o) ? n * n : (double)o->n_heads * (double)o->knn;
}

static double multiply_adds(const ff_options *values, const ff_surroundings *around) {
    const pkm_options *o = &values->pkm;
    return (double)around->d_model * ((double)o->n_heads * (double)o->n_subkeys + values_summed(o));
}

// If heads are summed before the activation, their scores come from summed sub-keys.
static double executed_multiply_adds(const ff_options *values, const ff_surroundings *around) {
    const pkm_options *o = &values->pkm;
    double heads = sums_all(o) ? 1 : (double)o->n_heads;
    return (double)around->d_model * (heads * (double)o->n_subkeys + values_summed(o));
}

static double saved_bytes(const ff_options *values, const ff_surroundings *around, dtype operands) {
    (void)around;
    const pkm_options *o = &values->pkm;
    return values_summed(o) * (double)(sums_all(o) ? dtype_size(operands) : sizeof(real) + sizeof(int32_t));
}

static int64_t channels(const ff_options *values) {
    return values->pkm.n_subkeys * values->pkm.n_subkeys;
}

// The softmax of a single score is always 1.
static void unlearned(const ff_options *values, char *line, size_t size) {
    const pkm_options *o = &values->pkm;
    bool alone = o->activation == PKM_SOFTMAX && values_summed(o) == 1;
    snprintf(line, size, "%s",
        alone ? "the sub-keys cannot learn and stay as they are: with one value for a token its softmax "
                "(ff.activation) is always 1, and the loss has no gradient for them"
              : "");
}

const ff_variant ff_variant_pkm = {
    .name = "pkm",
    .help = "product-key memory: values found by the sum of two sub-keys",
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
};
