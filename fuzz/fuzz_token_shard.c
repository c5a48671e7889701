#include "fuzz.h"

#include "formats/token_shard.h"

enum { VOCAB_SIZE = 300, COPIED = 64 };

static void read_split(const char *path) {
    token_split *split;
    name_input(path, "train.bin");
    if (token_split_open(input_directory(), "train", VOCAB_SIZE, NULL, &split) != SIGMOE_OK) return;
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
