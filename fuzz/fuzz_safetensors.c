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

static void read_file(const char *path) {
    safetensors_file *file;
    if (safetensors_open(path, 16, &file) != SIGMOE_OK) return;
    for (int i = 0; i < safetensors_count(file); i++) read_tensor(file, safetensors_at(file, i));
    (void)safetensors_find(file, "w");
    safetensors_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_file, bytes, size);
    return 0;
}
