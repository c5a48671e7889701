#include "model/config.h"

#include <stdio.h>

enum { LARGEST_SIZE = 1 << 30, LARGEST_COUNT = 1 << 20 };

#define AT(field) offsetof(model_config, field)

static const option top_level[] = {
    {"vocab_size", OPTION_INTEGER, AT(vocab_size), true, 1, LARGEST_SIZE, 0, NULL, "token ids, V"},
    {"d_model", OPTION_INTEGER, AT(d_model), true, 1, LARGEST_COUNT, 0, NULL, "model width d"},
    {"n_layers", OPTION_INTEGER, AT(n_layers), true, 1, 4096, 0, NULL, "layers L"},
    {"n_heads", OPTION_INTEGER, AT(n_heads), true, 1, 65536, 0, NULL, "attention heads H"},
    {"d_head", OPTION_INTEGER, AT(d_head), true, 1, 65536, 0, NULL,
        "width of a head; H x d_head need not be d"},
    {"dropout", OPTION_NUMBER, AT(dropout), true, 0, 0.999, 0, NULL,
        "dropout after the embedding, the blocks and the final norm"},
    {"unroll", OPTION_INTEGER, AT(unroll), true, 1, LARGEST_COUNT, 0, NULL, "tokens of a segment T"},
};

static const option memory_segments[] = {
    {"train", OPTION_INTEGER, AT(memory_train), false, 0, 4096, 1, NULL, "segments of memory in training"},
    {"eval", OPTION_INTEGER, AT(memory_eval), false, 0, 4096, 4, NULL, "segments of memory in evaluation"},
};

option_table model_options(void) {
    return (option_table){top_level, sizeof top_level / sizeof *top_level};
}

option_table model_memory_options(void) {
    return (option_table){memory_segments, sizeof memory_segments / sizeof *memory_segments};
}

ff_surroundings model_ff_surroundings(const model_config *config) {
    return (ff_surroundings){config->d_model, config->n_layers, config->vocab_size, config->dropout};
}

sigmoe_status model_config_check(const model_config *config) {
    TRY(option_check(model_options(), "", config));
    TRY(option_check(model_memory_options(), "memory_segments.", config));
    if (!config->variant)
        return fail(SIGMOE_BAD_ARGUMENT, "ff.type is missing: choose a feedforward variant");
    if (config->n_heads * config->d_head > LARGEST_SIZE)
        return fail(SIGMOE_BAD_ARGUMENT, "n_heads x d_head is %lld; at most %d is possible",
            (long long)(config->n_heads * config->d_head), LARGEST_SIZE);
    ff_surroundings around = model_ff_surroundings(config);
    return config->variant->check(&config->ff, &around);
}
