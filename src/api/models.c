// The public handle on a model.
#include "api/models_state.h"
#include "api/request.h"
#include "base/cpu.h"
#include "config/model_directory.h"
#include "config/quantize.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

// Creates everything except the transformer.
static sigmoe_status new_model(int thread_count, sigmoe_model **out) {
    TRY(cpu_init());
    sigmoe_model *model = calloc(1, sizeof *model);
    if (!model) return fail(SIGMOE_NO_MEMORY, "no memory for a model");
    sigmoe_status status = workspace_open(thread_count, &model->work);
    if (status == SIGMOE_OK)
        *out = model;
    else
        free(model);
    return status;
}

void sigmoe_model_free(sigmoe_model *model) {
    if (!model) return;
    xl_memory_destroy(model->memory);
    text_codec_close(model->codec);
    transformer_destroy(model->transformer);
    workspace_close(&model->work);
    free(model);
}

static sigmoe_status hand_over(sigmoe_model *model, sigmoe_status status, sigmoe_model **out) {
    if (status == SIGMOE_OK)
        *out = model;
    else
        sigmoe_model_free(model);
    return status;
}

sigmoe_status sigmoe_model_create(
    const sigmoe_config *config, uint64_t seed, int thread_count, sigmoe_model **out) {
    sigmoe_model *model = NULL;
    TRY(new_model(thread_count, &model));
    model->config = config_copy(config);
    sigmoe_status status = transformer_create(&config->model, STORE_VALUES, &model->transformer);
    if (status == SIGMOE_OK)
        parameters_initialize(&model->work.kernel, transformer_parameters(model->transformer), seed);
    return hand_over(model, status, out);
}

sigmoe_status sigmoe_model_load(const char *path, int thread_count, sigmoe_model **out) {
    return sigmoe_model_load_as(path, thread_count, SIGMOE_F32, out);
}

sigmoe_status sigmoe_model_load_as(
    const char *path, int thread_count, sigmoe_dtype operands, sigmoe_model **out) {
    char directory[PATH_CAPACITY];
    sigmoe_model *model = NULL;
    TRY(model_locate(path, directory));
    TRY(new_model(thread_count, &model));
    parameter_storage storage = parameter_storage_of(operands);
    sigmoe_status status = model_read(directory, storage, &model->config, &model->transformer);
    return hand_over(model, status, out);
}

sigmoe_status sigmoe_model_save(const sigmoe_model *model, const char *directory) {
    if (parameters_only_rounded(transformer_parameters(model->transformer)))
        return fail(SIGMOE_BAD_ARGUMENT,
            "the model keeps its weights rounded and cannot be saved: load it with `sigmoe_model_load`");
    return model_save(directory, &model->config, model->transformer);
}

void sigmoe_quantize_defaults_sized(sigmoe_quantize_request *request, size_t size) {
    const sigmoe_quantize_request own = {0};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_quantize(const sigmoe_quantize_request *request, sigmoe_quantize_result *result) {
    char directory[PATH_CAPACITY];
    sigmoe_quantize_request own;
    sigmoe_quantize_result counts = {0};
    TRY(REQUEST_READ(own, request, "quantize"));
    TRY(model_locate(own.model, directory));
    TRY(quantize_model(directory, &own, &counts));
    if (result) *result = counts;
    return SIGMOE_OK;
}

sigmoe_status model_open_codec(sigmoe_model *model) {
    if (model->codec) return SIGMOE_OK;
    return text_codec_open(&model->config.tokenizer, model->config.model.vocab_size, &model->codec);
}

void sigmoe_model_reset(sigmoe_model *model) {
    xl_memory_destroy(model->memory);
    model->memory = NULL;
    model->segments = 0;
}

static sigmoe_status check_call(
    const sigmoe_model *model, const int32_t *tokens, int64_t batch, int64_t length) {
    int64_t count, all, vocab = model->config.model.vocab_size;
    if (batch < 1 || length < 1 || !size_product(&count, batch, length) || !size_product(&all, count, vocab))
        return fail(SIGMOE_BAD_ARGUMENT, "batch %lld and length %lld: both must be 1 or more",
            (long long)batch, (long long)length);
    if (model->memory && batch != model->batch)
        return fail(SIGMOE_BAD_ARGUMENT, "the batch was %lld and is %lld: reset the model before it changes",
            (long long)model->batch, (long long)batch);
    for (int64_t i = 0; i < count; i++)
        if (tokens[i] < 0 || tokens[i] >= vocab)
            return fail(SIGMOE_BAD_ARGUMENT, "token %d at [%lld, %lld] is not one of the model's 0 to %lld",
                tokens[i], (long long)(i / length), (long long)(i % length), (long long)(vocab - 1));
    return SIGMOE_OK;
}

// One segment: columns [first, first + count) of tokens and logits, whose rows have `length` columns.
static sigmoe_status segment_logits(
    sigmoe_model *model, const int32_t *tokens, int64_t length, int64_t first, int64_t count, float *logits) {
    int64_t vocab = model->config.model.vocab_size, batch = model->batch;
    arena *a = model->work.activations;
    int32_t *inputs;
    matrix out;
    TRY(ARENA_NEW_RAW(a, inputs, batch * count));
    TRY(matrix_new(a, TYPE_REAL, batch * count, vocab, &out));
    for (int64_t b = 0; b < batch; b++)
        memcpy(inputs + b * count, tokens + b * length + first, (size_t)count * sizeof *inputs);
    step_context step = {.kernel = model->work.kernel,
        .activations = a,
        .step = model->segments++,
        .tokens = inputs,
        .batch = batch,
        .length = count};
    TRY(transformer_logits(model->transformer, &step, model->memory, out));
    for (int64_t b = 0; b < batch; b++)
        memcpy(logits + (b * length + first) * vocab, matrix_real(out) + b * count * vocab,
            (size_t)(count * vocab) * sizeof *logits);
    return SIGMOE_OK;
}

sigmoe_status sigmoe_model_logits(
    sigmoe_model *model, const int32_t *tokens, int64_t batch, int64_t length, float *logits) {
    const model_config *config = &model->config.model;
    TRY(check_call(model, tokens, batch, length));
    if (!model->memory)
        TRY(xl_memory_create(config, batch, config->memory_eval, config->unroll, &model->memory));
    model->batch = batch;
    for (int64_t first = 0; first < length; first += config->unroll) {
        int64_t count = length - first < config->unroll ? length - first : config->unroll;
        arena_mark mark = arena_here(model->work.activations);
        sigmoe_status status = segment_logits(model, tokens, length, first, count, logits);
        arena_release(model->work.activations, mark);
        TRY(status);
    }
    return SIGMOE_OK;
}
