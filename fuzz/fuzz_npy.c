#include "fuzz.h"

#include "formats/npy.h"

static volatile int32_t sink;

static void read_dims(const char *path, int dims) {
    arena *a;
    int64_t shape[8];
    int32_t *values;
    if (arena_create("fuzz", &a) != SIGMOE_OK) return;
    if (npy_read_i32(path, a, dims, shape, &values) == SIGMOE_OK) {
        int64_t count = 1;
        for (int i = 0; i < dims; i++) count *= shape[i];
        for (int64_t i = 0; i < count; i++) sink = values[i];
    }
    arena_destroy(a);
}

static void read_file(const char *path) {
    read_dims(path, 2);
    read_dims(path, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_file, bytes, size);
    return 0;
}
