// Chapter 2: what a configuration costs, and its tensors.
#include "config/config_file.h"
#include "model/feedforward/registry.h"
#include "model/size.h"
#include "model/training_flops.h"
#include "system/process_memory.h"

#include <string.h>

static sigmoe_status declare_tensors(const model_config *model, parameter_list **out) {
    parameter_list *list;
    TRY(model_config_check(model));
    TRY(parameters_create(&list));
    sigmoe_status status = model_declare(model, list);
    if (status == SIGMOE_OK)
        *out = list;
    else
        parameters_destroy(list);
    return status;
}

static int64_t count_feedforward(const parameter_list *list) {
    int64_t count = 0;
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (p->trainable && strstr(p->name, ".ff.")) count += p->count;
    }
    return count;
}

// Per token, of the dense block with as many channels.
static double dense_multiply_adds(const model_config *model, const ff_surroundings *around) {
    const ff_options dense = {.dense = {.d_ff = model->variant->channels(&model->ff)}};
    return ff_variant_named("dense")->multiply_adds(&dense, around);
}

// Memory that oneDNN adds to a process when it generates its kernels, plus the pool's stacks and the heap; measured.
static const double CODE_MADE_AT_RUN_TIME = 10e6;

sigmoe_status sigmoe_config_summary(const sigmoe_config *config, int64_t batch, sigmoe_recompute recompute,
    sigmoe_dtype type, sigmoe_summary *summary) {
    const model_config *model = &config->model;
    parameter_list *list;
    TRY(declare_tensors(model, &list));
    *summary =
        (sigmoe_summary){.parameters = parameters_count(list), .ff_parameters = count_feedforward(list)};
    parameters_destroy(list);

    ff_surroundings around = model_ff_surroundings(model);
    summary->ff_multiply_adds = model->variant->multiply_adds(&model->ff, &around);
    summary->ff_flops_share = summary->ff_multiply_adds / dense_multiply_adds(model, &around);
    int64_t memory = model->memory_train * model->unroll;
    summary->flops_per_token = training_flops_per_token(model);

    double values = (double)summary->parameters * sizeof(real);
    if (batch == 0) batch = config->settings.batch;
    TRY(model_weight_bytes(model, STORE_GRADIENTS, operand_type(type), &summary->parameter_bytes));
    summary->optimizer_bytes = 2 * values;
    model_memory arenas =
        model_training_memory(model, batch, model->unroll, memory, recompute, operand_type(type));
    summary->activation_bytes =
        arenas.activations + arenas.scratch + model_xl_memory_bytes(model, batch, memory);
    summary->train_bytes = summary->parameter_bytes + summary->optimizer_bytes + summary->activation_bytes;
    summary->peak_rss_bytes = summary->train_bytes + resident_set_now() + CODE_MADE_AT_RUN_TIME;
    return SIGMOE_OK;
}

static const char *describe_init(arena *texts, const parameter *p) {
    switch (p->init) {
    case INIT_ZERO:
        return "zero";
    case INIT_ONE:
        return "one";
    case INIT_CONSTANT:
        return arena_text(texts, "constant %.6g", p->init_scale);
    case INIT_NORMAL:
        return arena_text(texts, "normal, std %.6g", p->init_scale);
    case INIT_UNIFORM:
        return arena_text(texts, "uniform, ±%.6g", p->init_scale);
    case INIT_TRUNCATED:
        return arena_text(texts, "truncated normal, std %.6g", p->init_scale);
    case INIT_EQUAL_ROWS:
        return arena_text(texts, "normal, std %.6g, rows of equal norm", p->init_scale);
    case INIT_DISTINCT_CHOICES:
        return arena_text(texts, "distinct choices below %.0f", p->init_scale);
    }
    return NULL;
}

static sigmoe_status list_tensors(sigmoe_config *config) {
    TRY(declare_tensors(&config->model, &config->tensors));
    int count = parameters_length(config->tensors);
    TRY(arena_create("tensor texts", &config->tensor_texts));
    TRY(ARENA_NEW(config->tensor_texts, config->tensor_inits, count));
    for (int i = 0; i < count; i++) {
        const parameter *p = parameters_at(config->tensors, i);
        config->tensor_inits[i] = describe_init(config->tensor_texts, p);
        if (!config->tensor_inits[i]) return SIGMOE_NO_MEMORY;
    }
    return SIGMOE_OK;
}

bool sigmoe_config_tensor(sigmoe_config *config, int index, sigmoe_tensor_info *tensor) {
    if (!config->tensors && list_tensors(config) != SIGMOE_OK) {
        config_forget_caches(config);
        return false;
    }
    if (index < 0 || index >= parameters_length(config->tensors)) return false;
    const parameter *p = parameters_at(config->tensors, index);
    *tensor = (sigmoe_tensor_info){.name = p->name, .dims = p->dims, .init = config->tensor_inits[index]};
    memcpy(tensor->shape, p->shape, sizeof tensor->shape);
    return true;
}
