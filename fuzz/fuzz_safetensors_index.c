// The index of a model in several files, beside two fine ones: a.safetensors has the tensors w and x, b.safetensors has v.
#include "fuzz.h"

#include "formats/safetensors.h"

#include <sys/stat.h>

static char path[FUZZ_PATH];
static volatile float sink;

static void make_shards(void) {
    static const float numbers[] = {1, 2, 3};
    const tensor_to_write a[] = {{.name = "w", .dims = 1, .shape = {3}, .bytes = numbers},
        {.name = "x", .dims = 1, .shape = {1}, .bytes = numbers}},
                          b[] = {{.name = "v", .dims = 1, .shape = {2}, .bytes = numbers}};
    char file[FUZZ_PATH];
    if (safetensors_write(input_path(file, "a.safetensors"), a, 2) != SIGMOE_OK) abort();
    if (safetensors_write(input_path(file, "b.safetensors"), b, 1) != SIGMOE_OK) abort();
}

// Each tensor is there once, with its bytes.
static void check(const safetensors_file *file) {
    for (int i = 0; i < safetensors_count(file); i++) {
        const stored_tensor *t = safetensors_at(file, i);
        float numbers[3];
        if (safetensors_find(file, t->name) != t || t->count > 3) abort();
        if (safetensors_read_f32(file, t->name, t->dims, t->shape, numbers) != SIGMOE_OK) abort();
        sink = numbers[0];
    }
}

static void read_index(void) {
    safetensors_file *file;
    if (safetensors_open_shards(path, 4, &file) != SIGMOE_OK) return;
    check(file);
    safetensors_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (!*path) {
        make_shards();
        input_path(path, "model.safetensors.index.json");
    }
    input_write("model.safetensors.index.json", bytes, size);
    read_index();
    fail_an_allocation(bytes, size);
    read_index();
    fail_no_allocation();
    return 0;
}
