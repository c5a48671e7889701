#include "plan/step_work.h"

#include "model/feedforward/registry.h"
#include "model/match_parameters.h"
#include "model/size.h"

#include <string.h>

// How often a step reads or writes a row [d] of a layer outside of products: the two norms 12 times, dropout and residuals 10, and
// twice for the memory. Measured rates are those of these bytes, so that only their share in different models matters.
static const double STREAM_PASSES = 24;

// ---------------------------------------------------------------- parameters

static work_part part_of(const char *name) {
    if (strstr(name, ".attn.")) return WORK_PROJECTIONS;
    if (strstr(name, ".ff.experts.") || strstr(name, ".ff.router.")) return WORK_EXPERTS;
    return strstr(name, ".ff.") ? WORK_FEEDFORWARD : WORK_LOGITS;
}

static void count_parameter(step_work *w, const parameter *p, dtype operands) {
    double count = (double)p->count, operand = p->product ? (double)dtype_size(operands) : 0;
    double masters = p->product && !p->exact && operands == TYPE_BF16 ? count : 0;
    if (!p->trainable) return;
    if (strstr(p->name, ".ff.experts.")) {
        w->experts += count;
        w->expert_masters += masters;
        w->expert_bytes += count * (2 * sizeof(real) + (operands == TYPE_BF16 ? operand : 0));
    } else {
        w->shared += count;
        w->shared_masters += masters;
    }
    if (p->product) w->weight_bytes[part_of(p->name)] += count * (2 * operand + 2 * sizeof(real));
}

static sigmoe_status count_parameters(const model_config *model, dtype operands, step_work *w) {
    parameter_list *list;
    double bytes;
    TRY(model_weight_bytes(model, STORE_GRADIENTS, operands, &bytes));
    TRY(parameters_create(&list));
    sigmoe_status status = model_declare(model, list);
    for (int i = 0; status == SIGMOE_OK && i < parameters_length(list); i++)
        count_parameter(w, parameters_at(list, i), operands);
    parameters_destroy(list);
    w->shared_bytes = bytes - w->expert_bytes;
    return status;
}

// ---------------------------------------------------------------- operations

static void count_operations(const model_config *model, double tokens, step_work *w) {
    int64_t memory = model->memory_train * model->unroll;
    double inner = (double)(model->n_heads * model->d_head), rows = (double)(memory + model->unroll);
    forward_work forward = model_forward_work(model, model->unroll, memory);
    // A backward pass costs as much as two forward passes; positions get no gradient, and are the same for all sequences.
    double all = 2 * 3 * tokens,
           positions = 2 * 2 * rows * (double)(model->n_layers * model->d_model) * inner;
    w->operations[WORK_PROJECTIONS] = all * forward.projections + positions;
    w->operations[WORK_ATTENTION] = all * forward.attention;
    w->operations[model->variant->experts ? WORK_EXPERTS : WORK_FEEDFORWARD] = all * forward.feedforward;
    w->operations[WORK_LOGITS] = all * forward.logits;
}

static void count_experts(const model_config *model, double tokens, step_work *w) {
    bool has_logits;
    if (!model->variant->experts) return;
    w->expert_count = model->variant->experts(&model->ff, &has_logits);
    w->routed_bytes = tokens * (double)model->ff.moe.k * (double)model->d_model * sizeof(real);
    // Three numbers for each expert (model/whole_batch.h).
    if (model->variant->looks_at_batch && model->variant->looks_at_batch(&model->ff))
        w->gathered_bytes = 3 * (double)w->expert_count * sizeof(double);
}

static sigmoe_status check(const model_config *model, int64_t sequences) {
    TRY(model_config_check(model));
    if (sequences < 1) return fail(SIGMOE_BAD_ARGUMENT, "a rank needs at least one sequence");
    if (strcmp(model->variant->name, "pkm") == 0 && model->ff.pkm.knn < model->ff.pkm.n_subkeys)
        return fail(SIGMOE_BAD_ARGUMENT,
            "a product-key memory that keeps %lld of %lld sub-keys cannot be planned: no rate is known of "
            "sums of few values; one with `ff.knn` of at least `ff.n_subkeys` can",
            (long long)model->ff.pkm.knn, (long long)model->ff.pkm.n_subkeys);
    return SIGMOE_OK;
}

sigmoe_status step_work_of(const model_config *model, int64_t sequences, dtype operands, step_work *out) {
    TRY(check(model, sequences));
    double tokens = (double)sequences * (double)model->unroll;
    int64_t memory = model->memory_train * model->unroll;
    *out = (step_work){.layers = model->n_layers};
    TRY(count_parameters(model, operands, out));
    count_operations(model, tokens, out);
    count_experts(model, tokens, out);
    out->stream_bytes =
        STREAM_PASSES * tokens * (double)model->n_layers * (double)model->d_model * sizeof(real);
    model_memory arenas =
        model_training_memory(model, sequences, model->unroll, memory, SIGMOE_RECOMPUTE_NONE, operands);
    out->activation_bytes =
        arenas.activations + arenas.scratch + model_xl_memory_bytes(model, sequences, memory);
    return SIGMOE_OK;
}

sigmoe_status dense_twin(const model_config *model, model_config *out) {
    int64_t parameters;
    TRY(model_parameter_count(model, &parameters));
    *out = *model;
    out->variant = ff_variant_named("dense");
    out->ff = (ff_options){.dense = {.d_ff = 1}};
    return match_parameters(parameters, out);
}
