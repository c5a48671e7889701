// meta.json, beside small shards that may or may not be as it says.
#include "fuzz.h"

#include "data/dataset_identity.h"
#include "data/dataset_meta.h"

enum { TOKENS = 3 };

static void write_shards(void) {
    static const int32_t tokens[TOKENS] = {0, 1, 2};
    for (int i = 0; i < SPLITS; i++) {
        token_writer *w;
        if (token_writer_open(input_directory(), split_names[i], TOKENS, 0, &w) != SIGMOE_OK ||
            token_writer_add(w, tokens, TOKENS) != SIGMOE_OK || token_writer_commit(w) != SIGMOE_OK)
            abort();
    }
}

static void open_splits(const dataset *d) {
    for (int i = 0; i < SPLITS; i++) {
        token_split *split;
        split_sizes part;
        if (dataset_open_split(d, split_names[i], &split) != SIGMOE_OK) continue;
        int64_t said = dataset_split(d, split_names[i])->tokens;
        if (d->vocab_size < TOKENS || (said >= 0 && said != TOKENS)) abort();
        if (dataset_part_sizes(d, split_names[i], split, 1, TOKENS - 1, &part) != SIGMOE_OK) abort();
        token_split_close(split);
    }
}

// Data are what they are.
static void identify(const dataset *d) {
    json_t *one, *other;
    if (dataset_identity(d, &one) != SIGMOE_OK) return;
    if (dataset_identity(d, &other) == SIGMOE_OK) {
        if (!json_equal(one, other) && json_object_size(one) == json_object_size(other)) abort();
        json_decref(other);
    }
    json_decref(one);
}

static void read_meta(const char *path) {
    dataset d;
    char name[DATASET_NAME];
    name_input(path, "meta.json");
    if (dataset_open(input_directory(), &d) != SIGMOE_OK) return;
    int64_t said = tokenizer_vocab_size(&d.tokenizer);
    if (d.vocab_size < 1 || (said && said != d.vocab_size)) abort();
    dataset_name(&d, name);
    if (!*name) abort();
    open_splits(&d);
    identify(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH];
    if (access(input_path(path, "test.bin"), F_OK) != 0) write_shards();
    read_twice(read_meta, bytes, size);
    return 0;
}
