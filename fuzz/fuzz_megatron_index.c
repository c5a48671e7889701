#include "fuzz.h"

#include "formats/megatron_index.h"

static char directory[32], prefix[64], link_path[64];
static volatile int64_t sink;

static void remove_directory(void) {
    unlink(link_path);
    rmdir(directory);
}

// Makes a directory with the input as d.idx. There is no d.bin, which the reader looks for when it has read all of the index.
static void make_directory(const char *path) {
    snprintf(directory, sizeof directory, "/tmp/sigmoe-fuzz-XXXXXX");
    if (!mkdtemp(directory)) abort();
    snprintf(prefix, sizeof prefix, "%s/d", directory);
    snprintf(link_path, sizeof link_path, "%s/d.idx", directory);
    if (symlink(path, link_path) != 0) abort();
    atexit(remove_directory);
}

static void read_index(const char *path) {
    arena *a;
    megatron_index index = {0};
    if (!*directory) make_directory(path);
    if (arena_create("fuzz", &a) != SIGMOE_OK) return;
    if (megatron_read_index(prefix, a, &index) == SIGMOE_OK) abort();
    for (int64_t i = 0; index.ends && i < index.documents; i++) sink = index.ends[i];
    arena_destroy(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_index, bytes, size);
    return 0;
}
