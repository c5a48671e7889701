#include "fuzz.h"

#include "formats/megatron_index.h"

static char prefix[FUZZ_PATH];
static volatile int64_t sink;

// There is no d.bin, which the reader looks for when it has read all of the index.
static void read_index(const char *path) {
    arena *a;
    megatron_index index = {0};
    char link[FUZZ_PATH];
    if (!*prefix && symlink(path, input_path(link, "d.idx")) != 0) abort();
    input_path(prefix, "d");
    if (arena_create("fuzz", &a) != SIGMOE_OK) return;
    if (megatron_read_index(prefix, a, &index) == SIGMOE_OK) abort();
    for (int64_t i = 0; index.ends && i < index.documents; i++) sink = index.ends[i];
    arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_index, bytes, size);
    return 0;
}
