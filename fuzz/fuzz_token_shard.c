#include "fuzz.h"

#include "formats/token_shard.h"

enum { VOCAB_SIZE = 300, COPIED = 64 };

static char directory[32];

static void remove_directory(void) {
    char link[64];
    snprintf(link, sizeof link, "%s/train.bin", directory);
    unlink(link);
    rmdir(directory);
}

// Makes a data directory with the input as its train.bin.
static void make_directory(const char *path) {
    char link[64];
    snprintf(directory, sizeof directory, "/tmp/sigmoe-fuzz-XXXXXX");
    if (!mkdtemp(directory)) abort();
    snprintf(link, sizeof link, "%s/train.bin", directory);
    if (symlink(path, link) != 0) abort();
    atexit(remove_directory);
}

static void read_split(const char *path) {
    token_split *split;
    if (!*directory) make_directory(path);
    if (token_split_open(directory, "train", VOCAB_SIZE, &split) != SIGMOE_OK) return;
    int64_t count = token_split_count(split), few = count < COPIED ? count : COPIED;
    int32_t tokens[COPIED];
    if (token_split_copy(split, count - few, few, tokens) != SIGMOE_OK) abort(); // opening has checked them
    for (int64_t i = 0; i < few; i++)
        if (tokens[i] < 0 || tokens[i] >= VOCAB_SIZE) abort();
    token_split_close(split);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_split, bytes, size);
    return 0;
}
