#include "config/stored_weights.h"

#include "base/quantization.h"

#include <stdio.h>
#include <string.h>

static const char suffix[] = ".scale";

void scale_name(char out[SCALE_NAME], const char *name) {
    snprintf(out, SCALE_NAME, "%.100s%s", name, suffix);
}

bool stored_in_8_bits(const safetensors_file *file, const parameter *p) {
    const stored_tensor *t = safetensors_find(file, p->name);
    return t && t->type == TENSOR_I8 && p->trainable && p->dims > 1;
}

sigmoe_status stored_weights_check(const safetensors_file *file, const parameter *p) {
    char scales[SCALE_NAME];
    if (!stored_in_8_bits(file, p)) return safetensors_check(file, p->name, TENSOR_F32, p->dims, p->shape);
    scale_name(scales, p->name);
    TRY(safetensors_check(file, p->name, TENSOR_I8, p->dims, p->shape));
    return safetensors_check(file, scales, TENSOR_F32, p->dims - 1, p->shape);
}

static sigmoe_status read_numbers(const safetensors_file *file, const parameter *p, int8_t *q, float *scale) {
    char scales[SCALE_NAME];
    scale_name(scales, p->name);
    TRY(safetensors_read_i8(file, p->name, p->dims, p->shape, q));
    TRY(safetensors_read_f32(file, scales, p->dims - 1, p->shape, scale));
    for (int64_t r = 0; r < parameter_matrix(p, NULL).rows; r++)
        if (!isfinite(scale[r]))
            return fail(SIGMOE_NOT_FINITE, "tensor \"%s\" has values that are not finite", scales);
    return SIGMOE_OK;
}

static sigmoe_status read_scaled(const safetensors_file *file, parameter *p, arena *a) {
    matrix m = parameter_matrix(p, p->value);
    float *scale;
    int8_t *q;
    TRY(ARENA_NEW_RAW(a, scale, m.rows));
    TRY(ARENA_NEW_RAW(a, q, p->count));
    TRY(read_numbers(file, p, q, scale));
    int64_t first = p->held.first / m.cols;
    dequantize_rows(
        q + p->held.first, scale + first, p->held.count / m.cols, m.cols, p->value + p->held.first);
    return SIGMOE_OK;
}

sigmoe_status stored_weights_read(const safetensors_file *file, parameter *p) {
    arena *a;
    if (!stored_in_8_bits(file, p))
        return safetensors_read_range(file, p->name, p->dims, p->shape, p->held, p->value + p->held.first);
    TRY(stored_weights_check(file, p));
    TRY(arena_create("8-bit weights", &a));
    sigmoe_status status = read_scaled(file, p, a);
    arena_destroy(a);
    return status;
}

sigmoe_status stored_weights_read_numbers(const safetensors_file *file, parameter *p) {
    matrix m = parameter_matrix(p, p->value);
    TRY(stored_weights_check(file, p));
    TRY(read_numbers(file, p, p->numbers, p->scale));
    if (p->exact) dequantize_rows(p->numbers, p->scale, m.rows, m.cols, p->value);
    return SIGMOE_OK;
}

typedef struct known_tensors {
    const safetensors_file *file;
    const parameter_list *list;
} known_tensors;

static bool is_known(const void *context, const char *name) {
    const known_tensors *known = context;
    size_t length = strlen(name), ending = sizeof suffix - 1;
    char base[SCALE_NAME];
    if (parameters_find(known->list, name)) return true;
    if (length <= ending || length >= sizeof base || strcmp(name + length - ending, suffix) != 0)
        return false;
    memcpy(base, name, length - ending);
    base[length - ending] = '\0';
    const parameter *p = parameters_find(known->list, base);
    return p && stored_in_8_bits(known->file, p);
}

sigmoe_status stored_weights_refuse_others(const safetensors_file *file, const parameter_list *list) {
    return safetensors_refuse_others(file, is_known, &(known_tensors){file, list}, "the configuration");
}
