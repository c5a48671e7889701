#include "config/quantize.h"

#include "base/quantization.h"
#include "config/model_directory.h"
#include "config/stored_weights.h"
#include "formats/manifest.h"
#include "system/output_directory.h"

#include <string.h>

typedef struct quantization {
    arena *memory; // of the tensors to write
    const parameter_list *weights;
    // What has wider elements comes first in the file, where it is aligned then.
    tensor_to_write *wide, *narrow; // [twice as many as weights], [weights]
    int wides, narrows;
    sigmoe_quantize_result *result;
} quantization;

static sigmoe_status describe(
    quantization *q, const char *name, tensor_type type, int dims, const parameter *p, const void *bytes) {
    tensor_to_write *t = type == TENSOR_I8 ? &q->narrow[q->narrows++] : &q->wide[q->wides++];
    *t = (tensor_to_write){
        .name = arena_text(q->memory, "%s", name), .type = type, .dims = dims, .bytes = bytes};
    memcpy(t->shape, p->shape, (size_t)dims * sizeof *t->shape);
    return t->name ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status add_in_8_bits(quantization *q, const parameter *p) {
    int64_t width = p->shape[p->dims - 1], rows = p->count / width;
    char scales[SCALE_NAME];
    float *scale;
    int8_t *numbers;
    TRY(ARENA_NEW_RAW(q->memory, numbers, p->count));
    TRY(ARENA_NEW_RAW(q->memory, scale, rows));
    quantize_rows(p->value, rows, width, numbers, scale);
    scale_name(scales, p->name);
    q->result->matrices++;
    q->result->bytes += p->count + rows * (int64_t)sizeof *scale;
    TRY(describe(q, scales, TENSOR_F32, p->dims - 1, p, scale));
    return describe(q, p->name, TENSOR_I8, p->dims, p, numbers);
}

static sigmoe_status add_weights(quantization *q, const parameter *p) {
    q->result->bytes_before += p->count * (int64_t)sizeof(float);
    if (p->large) return add_in_8_bits(q, p);
    q->result->bytes += p->count * (int64_t)sizeof(float);
    return p->trainable ? describe(q, p->name, TENSOR_F32, p->dims, p, p->value)
                        : describe(q, p->name, TENSOR_I32, p->dims, p, p->table);
}

static sigmoe_status write_weights(quantization *q, const char *path) {
    int count = parameters_length(q->weights);
    TRY(ARENA_NEW(q->memory, q->wide, 2 * count));
    TRY(ARENA_NEW(q->memory, q->narrow, count));
    for (int i = 0; i < count; i++) TRY(add_weights(q, parameters_at(q->weights, i)));
    memcpy(q->wide + q->wides, q->narrow, (size_t)q->narrows * sizeof *q->narrow);
    return safetensors_write(path, q->wide, q->wides + q->narrows);
}

static sigmoe_status write_directory(const char *directory, const sigmoe_config *config,
    const parameter_list *weights, sigmoe_quantize_result *result) {
    char path[PATH_CAPACITY];
    quantization q = {.weights = weights, .result = result};
    TRY(model_write_config(directory, config));
    TRY(path_format(path, "%s/model.safetensors", directory));
    TRY(arena_create("quantized weights", &q.memory));
    sigmoe_status status = write_weights(&q, path);
    arena_destroy(q.memory);
    return status == SIGMOE_OK ? manifest_write(directory) : status;
}

static sigmoe_status write_model(const sigmoe_quantize_request *r, const sigmoe_config *config,
    const parameter_list *weights, sigmoe_quantize_result *result) {
    char path[PATH_CAPACITY];
    output_directory out;
    TRY(path_of_output(path, r->out));
    TRY(output_begin(&out, path, OUTPUT_MODEL, r->force));
    sigmoe_status status = output_end(&out, write_directory(out.partial, config, weights, result));
    return status == SIGMOE_OK ? status : fail_in(status, "%s was not written", path);
}

sigmoe_status quantize_model(
    const char *directory, const sigmoe_quantize_request *r, sigmoe_quantize_result *result) {
    sigmoe_config config;
    transformer *model;
    bool quantized;
    TRY(output_directory_spares(r->out, r->model, "the model", "output"));
    TRY(output_directory_spares(r->out, directory, "the model", "output"));
    TRY(output_check(r->out, r->force));
    TRY(model_read(directory, STORE_VALUES, &config, &model));
    sigmoe_status status = model_is_quantized(directory, transformer_parameters(model), &quantized);
    if (status == SIGMOE_OK && quantized)
        status =
            fail(SIGMOE_BAD_ARGUMENT, "%s is quantized already: quantize what it was made from", directory);
    if (status == SIGMOE_OK) status = write_model(r, &config, transformer_parameters(model), result);
    transformer_destroy(model);
    return status;
}
