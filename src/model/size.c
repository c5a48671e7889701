#include "model/size.h"

#include "kernels/linear_cross_entropy/linear_cross_entropy.h"
#include "model/attention.h"

#include <math.h>
#include <stdio.h>

static sigmoe_status declare_one(
    parameter_list *list, const char *name, int64_t rows, int64_t cols, init_kind init, double scale) {
    return parameters_declare(list,
        &(parameter_declaration){.name = name,
            .dims = cols ? 2 : 1,
            .shape = {rows, cols},
            .init = init,
            .init_scale = scale,
            .large = cols > 0},
        NULL);
}

sigmoe_status model_declare(const model_config *config, parameter_list *list) {
    int64_t d = config->d_model, v = config->vocab_size;
    ff_surroundings around = model_ff_surroundings(config);
    TRY(declare_one(list, "embed.weight", v, d, INIT_UNIFORM, sqrt(6.0 / (double)(v + d)))); // Xavier
    for (int i = 0; i < (int)config->n_layers; i++) {
        char name[64];
        TRY(attention_declare(config, i, list));
        snprintf(name, sizeof name, "layers.%d.ff_norm.weight", i);
        TRY(declare_one(list, name, d, 0, INIT_ONE, 0));
        snprintf(name, sizeof name, "layers.%d.ff_norm.bias", i);
        TRY(declare_one(list, name, d, 0, INIT_ZERO, 0));
        TRY(config->variant->declare(&config->ff, &around, i, list));
    }
    TRY(declare_one(list, "final_norm.weight", d, 0, INIT_ONE, 0));
    TRY(declare_one(list, "final_norm.bias", d, 0, INIT_ZERO, 0));
    TRY(parameters_declare(list,
        &(parameter_declaration){.name = "head.weight",
            .dims = 2,
            .shape = {v, d},
            .init = INIT_UNIFORM,
            .init_scale = 1.0 / sqrt((double)d),
            .product = true,
            .large = true},
        NULL));
    return declare_one(list, "head.bias", v, 0, INIT_UNIFORM, 1.0 / sqrt((double)d));
}

sigmoe_status model_parameter_count(const model_config *config, int64_t *count) {
    TRY(model_config_check(config));
    parameter_list *list;
    TRY(parameters_create(&list));
    sigmoe_status status = model_declare(config, list);
    if (status == SIGMOE_OK) *count = parameters_count(list);
    parameters_destroy(list);
    return status;
}

static double bytes_of(const parameter *p, parameter_storage storage, dtype operands) {
    double count = (double)p->held.count, all = count * sizeof(real);
    if (!p->trainable) return count * sizeof *p->table;
    if (storage == STORE_ROUNDED && p->product) return p->exact ? all + 2 * count : 2 * count;
    if (storage == STORE_MASTERS && p->product) return p->exact ? 2 * all + 2 * count : all + 2 * count;
    if (storage == STORE_QUANTIZED && p->product && p->large) return p->exact ? all + count : count;
    if (storage & STORE_GRADIENTS) all *= storage == STORE_MOMENTS ? 4 : 2;
    return operands == TYPE_BF16 && p->product ? all + 2 * count : all;
}

sigmoe_status model_weight_bytes(
    const model_config *config, parameter_storage storage, dtype operands, double *bytes) {
    return model_part_weight_bytes(config, 1, storage, operands, bytes);
}

sigmoe_status model_part_weight_bytes(
    const model_config *config, int64_t parts, parameter_storage storage, dtype operands, double *bytes) {
    bool has_logits;
    int64_t experts = config->variant->experts ? config->variant->experts(&config->ff, &has_logits) : 0;
    parameter_list *list;
    TRY(model_config_check(config));
    TRY(parameters_create(&list));
    sigmoe_status status = model_declare(config, list);
    if (parts > 1 && experts % parts == 0) parameters_share_experts(list, 0, (int)parts);
    *bytes = 0;
    for (int i = 0; i < parameters_length(list); i++)
        *bytes += bytes_of(parameters_at(list, i), storage, operands);
    parameters_destroy(list);
    return status;
}

double model_xl_memory_bytes(const model_config *config, int64_t batch, int64_t rows) {
    return (double)config->n_layers * (double)batch * (double)rows * (double)config->d_model * sizeof(real);
}

forward_work model_forward_work(const model_config *config, int64_t length, int64_t memory) {
    ff_surroundings around = model_ff_surroundings(config);
    double d = (double)config->d_model, inner = (double)(config->n_heads * config->d_head);
    double layers = (double)config->n_layers;
    double keys_made = (double)(length + memory) / (double)length; // the memory needs keys and values, too
    double keys_seen = (double)memory + ((double)length + 1) / 2;
    return (forward_work){.projections = layers * (2 * d * inner + 2 * d * inner * keys_made),
        .attention = layers * 3 * inner * keys_seen,
        .feedforward = layers * config->variant->executed_multiply_adds(&config->ff, &around),
        .logits = d * (double)config->vocab_size};
}

double model_forward_multiply_adds(const model_config *config, int64_t length, int64_t memory) {
    forward_work w = model_forward_work(config, length, memory);
    return w.projections + w.attention + w.feedforward + w.logits;
}

// The gradients at both ends of the layers, plus the gradient through a block's dropout and the block's own scratch memory;
// or the loss's chunk of logits, when only the first of these gradients exists.
static double scratch_bytes(
    const model_config *config, int64_t batch, int64_t length, int64_t memory, double ff, dtype operands) {
    double stream = (double)(batch * length) * (double)config->d_model * sizeof(real);
    double attention = attention_scratch_bytes(config, batch, length, memory, operands);
    double operand = stream * (double)dtype_size(operands) / sizeof(real);
    // The block's input and its gradient, and the gradients of its activations, which are as large as the activations.
    double feedforward = operand + stream + ff;
    double layer =
        (config->dropout > 0 || operands != TYPE_REAL ? operand : 0) + fmax(attention, feedforward);
    double loss = (double)cross_entropy_scratch_bytes(batch * length, config->vocab_size, operands);
    return stream + fmax(loss, stream + layer);
}

model_memory model_training_memory(const model_config *config, int64_t batch, int64_t length, int64_t memory,
    sigmoe_recompute recompute, dtype operands) {
    ff_surroundings around = model_ff_surroundings(config);
    double n = (double)(batch * length), stream = n * (double)config->d_model * sizeof(real);
    double attention =
        attention_saved_bytes(config, batch, length, memory, operands) + stream; // and its output
    double ff = n * config->variant->saved_bytes(&config->ff, &around, operands);
    double feedforward = 2 * n * sizeof(real) + ff;   // with its norm's mean and rstd
    double kept = attention + feedforward, again = 0; // per layer; of the layer being recomputed
    if (recompute == SIGMOE_RECOMPUTE_FF) kept = attention, again = feedforward;
    if (recompute == SIGMOE_RECOMPUTE_ALL) kept = stream, again = attention + feedforward;
    // The stream, and the output of the final norm.
    double ends = stream + stream * (double)dtype_size(operands) / sizeof(real);
    return (model_memory){ends + (double)config->n_layers * kept + again,
        scratch_bytes(config, batch, length, memory, ff, operands)};
}

double model_inference_memory(
    const model_config *config, int64_t batch, int64_t length, int64_t memory, dtype operands) {
    ff_surroundings around = model_ff_surroundings(config);
    double n = (double)batch * (double)length, stream = n * (double)config->d_model * sizeof(real);
    double ends = stream + stream * (double)dtype_size(operands) / sizeof(real);
    double attention = attention_saved_bytes(config, batch, length, memory, operands) + stream;
    double ff = n * config->variant->saved_bytes(&config->ff, &around, operands);
    return ends + attention + ff + scratch_bytes(config, batch, length, memory, ff, operands);
}
