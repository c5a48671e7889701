#include "config/model_directory.h"

#include "base/memory_limit.h"
#include "config/stored_weights.h"
#include "formats/manifest.h"
#include "model/size.h"
#include "system/output_directory.h"

#include <stdio.h>
#include <string.h>

const char *const model_weights_name = "model.safetensors";

// Each row of a hash table must consist of distinct valid experts.
static sigmoe_status check_table(const parameter *p) {
    int64_t columns = p->shape[p->dims - 1];
    for (int64_t i = 0; i < p->count; i++) {
        int32_t choice = p->table[i];
        int64_t row = i / columns;
        if (choice < 0 || choice >= p->init_scale)
            return fail(SIGMOE_BAD_FORMAT, "tensor \"%s\" names expert %d in row %lld; there are %.0f",
                p->name, choice, (long long)row, p->init_scale);
        for (int64_t j = row * columns; j < i; j++)
            if (p->table[j] == choice)
                return fail(SIGMOE_BAD_FORMAT, "tensor \"%s\" names expert %d twice in row %lld", p->name,
                    choice, (long long)row);
    }
    return SIGMOE_OK;
}

static sigmoe_status read_tensor(const safetensors_file *file, parameter_list *list, parameter *p) {
    if (p->trainable) {
        if (p->numbers && stored_in_8_bits(file, p)) return stored_weights_read_numbers(file, p);
        parameter_begin(list, p);
        sigmoe_status status = stored_weights_read(file, p);
        parameter_end(list, p);
        return status;
    }
    TRY(safetensors_read_i32(file, p->name, p->dims, p->shape, p->table));
    return check_table(p);
}

static sigmoe_status read_tensors(const safetensors_file *file, parameter_list *list, void *unused) {
    (void)unused;
    for (int i = 0; i < parameters_length(list); i++) TRY(read_tensor(file, list, parameters_at(list, i)));
    TRY(stored_weights_refuse_others(file, list));
    const parameter *bad = parameters_not_finite(list);
    if (!bad) return SIGMOE_OK;
    return fail(SIGMOE_NOT_FINITE, "tensor \"%s\" has values that are not finite", bad->name);
}

static sigmoe_status check_tensors(const safetensors_file *file, parameter_list *list, void *unused) {
    (void)unused;
    for (int i = 0; i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (p->trainable)
            TRY(stored_weights_check(file, p));
        else
            TRY(safetensors_check(file, p->name, TENSOR_I32, p->dims, p->shape));
    }
    return stored_weights_refuse_others(file, list);
}

typedef sigmoe_status file_use(const safetensors_file *file, parameter_list *list, void *result);

// model.safetensors or, where there is none, the files that its index names; `path` is what was opened.
static sigmoe_status open_weights(
    const char *directory, int64_t expected, char path[PATH_CAPACITY], safetensors_file **file) {
    char index[PATH_CAPACITY];
    TRY(path_format(path, "%s/model.safetensors", directory));
    TRY(path_format(index, "%s/model.safetensors.index.json", directory));
    if (path_exists(path) || !path_exists(index)) return safetensors_open(path, expected, file);
    TRY(path_format(path, "%s", index));
    return safetensors_open_shards(path, expected, file);
}

static sigmoe_status use_weights(const char *directory, parameter_list *list, file_use *use, void *result) {
    char path[PATH_CAPACITY];
    safetensors_file *file;
    TRY(open_weights(directory, 2 * (int64_t)parameters_length(list), path, &file)); // each may have scales
    sigmoe_status status = use(file, list, result);
    safetensors_close(file);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

sigmoe_status model_check_sum(const char *directory) {
    static const char whole[] = "model.safetensors", index[] = "model.safetensors.index.json";
    char path[PATH_CAPACITY], other[PATH_CAPACITY];
    TRY(path_format(path, "%s/%s", directory, whole));
    TRY(path_format(other, "%s/%s", directory, index));
    return manifest_check_file(directory, !path_exists(path) && path_exists(other) ? index : whole);
}

sigmoe_status model_read_weights(const char *directory, parameter_list *list) {
    TRY(model_check_sum(directory));
    TRY(parameters_open(list));
    parameters_changed(list);
    return use_weights(directory, list, read_tensors, NULL);
}

sigmoe_status model_check_weights(const char *directory, const model_config *config) {
    parameter_list *list;
    TRY(model_config_check(config));
    TRY(parameters_create(&list));
    sigmoe_status status = model_declare(config, list);
    if (status == SIGMOE_OK) status = use_weights(directory, list, check_tensors, NULL);
    parameters_destroy(list);
    return status;
}

static sigmoe_status check_memory(
    const char *directory, const model_config *config, parameter_storage storage) {
    char what[PATH_CAPACITY + 16];
    memory_need need = {.what = what, .saves = "a smaller model, or one in 8 bits,"};
    snprintf(what, sizeof what, "the model %s", directory);
    TRY(model_weight_bytes(config, storage, TYPE_REAL, &need.bytes));
    return memory_check(&need);
}

// Its sum was computed when it was found.
static sigmoe_status check_tokenizer(const manifest *m, const tokenizer *t) {
    static const char name[] = "tokenizer.model";
    if (t->model_path[0]) return manifest_check_sum(m, name, t->model_sha256);
    bool lost = t->type == TOKENIZER_SENTENCEPIECE && manifest_names(m, name);
    return lost ? manifest_check(m, name) : SIGMOE_OK;
}

sigmoe_status model_read_config(const char *directory, sigmoe_config *config) {
    static const char name[] = "config.json";
    char path[PATH_CAPACITY];
    manifest m;
    TRY(path_format(path, "%s/%s", directory, name));
    TRY(manifest_open(directory, &m));
    sigmoe_status status = manifest_check(&m, name);
    if (status == SIGMOE_OK) status = config_read(path, config);
    if (status == SIGMOE_OK) status = check_tokenizer(&m, &config->tokenizer);
    manifest_close(&m);
    return status;
}

sigmoe_status model_read(
    const char *directory, parameter_storage storage, sigmoe_config *config, transformer **out) {
    transformer *model;
    TRY(model_read_config(directory, config));
    TRY(model_check_weights(directory, &config->model));
    TRY(check_memory(directory, &config->model, storage));
    TRY(transformer_create(&config->model, storage, &model));
    sigmoe_status status = model_read_weights(directory, transformer_parameters(model));
    if (status == SIGMOE_OK)
        *out = model;
    else
        transformer_destroy(model);
    return status;
}

static sigmoe_status find_8_bits(const safetensors_file *file, parameter_list *list, void *found) {
    for (int i = 0; i < parameters_length(list); i++)
        *(bool *)found |= stored_in_8_bits(file, parameters_at(list, i));
    return SIGMOE_OK;
}

sigmoe_status model_is_quantized(const char *directory, parameter_list *list, bool *quantized) {
    *quantized = false;
    return use_weights(directory, list, find_8_bits, quantized);
}

static tensor_to_write tensor_of(const parameter *p) {
    tensor_to_write tensor = {.name = p->name,
        .type = p->trainable ? TENSOR_F32 : TENSOR_I32,
        .dims = p->dims,
        .bytes = p->trainable ? (const void *)p->value : (const void *)p->table};
    memcpy(tensor.shape, p->shape, sizeof p->shape);
    return tensor;
}

sigmoe_status model_list_tensors(const parameter_list *list, arena *a, tensor_to_write **out) {
    int count = parameters_length(list);
    TRY(ARENA_NEW(a, *out, count));
    for (int i = 0; i < count; i++) (*out)[i] = tensor_of(parameters_at(list, i));
    return SIGMOE_OK;
}

static sigmoe_status write_tensors(
    const char *path, const char *format, const parameter_list *list, arena *a) {
    tensor_to_write *tensors;
    TRY(model_list_tensors(list, a, &tensors));
    return safetensors_write_marked(path, format, tensors, parameters_length(list));
}

sigmoe_status model_write_weights(const char *directory, const transformer *model, const char *format) {
    char path[PATH_CAPACITY];
    arena *a;
    TRY(path_format(path, "%s/%s", directory, model_weights_name));
    TRY(arena_create("tensor list", &a));
    sigmoe_status status = write_tensors(path, format, transformer_parameters(model), a);
    arena_destroy(a);
    return status;
}

sigmoe_status model_write_config(const char *directory, const sigmoe_config *config) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/config.json", directory));
    TRY(config_write(path, config));
    return tokenizer_copy_model(&config->tokenizer, directory);
}

sigmoe_status model_write(const char *directory, const sigmoe_config *config, const transformer *model) {
    TRY(model_write_config(directory, config));
    return model_write_weights(directory, model, NULL);
}

static sigmoe_status write_with_manifest(
    const char *directory, const sigmoe_config *config, const transformer *model) {
    TRY(model_write(directory, config, model));
    return manifest_write(directory);
}

sigmoe_status model_save(const char *directory, const sigmoe_config *config, const transformer *model) {
    char path[PATH_CAPACITY];
    output_directory out;
    TRY(path_of_output(path, directory));
    TRY(output_begin(&out, path, OUTPUT_MODEL, false));
    sigmoe_status status = output_end(&out, write_with_manifest(out.partial, config, model));
    return status == SIGMOE_OK ? status : fail_in(status, "%s was not written", path);
}
