#include "fuzz.h"

#include "formats/safetensors.h"

static volatile double sink;

// Reads every tensor as its own type, into exactly as much memory as its shape requires.
static void read_tensor(const safetensors_file *file, const stored_tensor *t) {
    float *numbers = malloc((size_t)t->count * sizeof *numbers + 1);
    if (!numbers) abort();
    if (safetensors_read_f32(file, t->name, t->dims, t->shape, numbers) == SIGMOE_OK)
        for (int64_t i = 0; i < t->count; i++) sink = numbers[i];
    else
        (void)safetensors_read_i32(file, t->name, t->dims, t->shape, (int32_t *)numbers);
    free(numbers);
}

static bool same_tensor(const safetensors_file *file, const tensor_to_write *t) {
    const stored_tensor *read = safetensors_find(file, t->name);
    bool same = read && read->type == t->type && read->dims == t->dims;
    return same && memcmp(read->shape, t->shape, sizeof t->shape[0] * (size_t)t->dims) == 0;
}

// With bytes of its own, the caller's to free.
static tensor_to_write tensor_of(const stored_tensor *t) {
    enum { LARGEST_ELEMENT = 8 };
    void *bytes = malloc((size_t)t->count * LARGEST_ELEMENT + 1);
    if (!bytes || safetensors_read(t, bytes) != SIGMOE_OK) abort();
    tensor_to_write copy = {.name = t->name, .type = t->type, .dims = t->dims, .bytes = bytes};
    memcpy(copy.shape, t->shape, sizeof t->shape);
    return copy;
}

// What is written is what was read, also where an allocation fails on the way, unless it is said to have failed.
static void check_writing(const safetensors_file *file) {
    enum { MOST = 32 };
    tensor_to_write tensors[MOST];
    char path[FUZZ_PATH];
    int count = safetensors_count(file);
    safetensors_file *back;
    if (count > MOST) return;
    for (int i = 0; i < count; i++) tensors[i] = tensor_of(safetensors_at(file, i));
    sigmoe_status written = safetensors_write(input_path(path, "written"), tensors, count);
    for (int i = 0; i < count; i++) free((void *)tensors[i].bytes);
    if (written != SIGMOE_OK) return;
    fail_no_allocation();
    if (safetensors_open(path, count, &back) != SIGMOE_OK || safetensors_count(back) != count) abort();
    for (int i = 0; i < count; i++)
        if (!same_tensor(back, &tensors[i])) abort();
    safetensors_close(back);
}

static void read_file(const char *path) {
    safetensors_file *file;
    if (safetensors_open(path, 16, &file) != SIGMOE_OK) return;
    check_writing(file);
    for (int i = 0; i < safetensors_count(file); i++) read_tensor(file, safetensors_at(file, i));
    (void)safetensors_find(file, "w");
    safetensors_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_file, bytes, size);
    return 0;
}
