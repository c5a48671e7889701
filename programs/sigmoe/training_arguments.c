#include "commands.h"

#include <math.h>

#define AT(member) offsetof(sigmoe_train_settings, member)
#define OF_PRESET "default: the preset's"

const argument training_arguments[TRAINING_ARGUMENTS] = {
    {"batch", ARGUMENT_INTEGER, AT(batch), "B", .low = 1, .high = 1 << 20, .preset = OF_PRESET,
        .help = "sequences in a step"},
    {"steps", ARGUMENT_INTEGER, AT(steps), "N", .low = 1, .high = 1e9, .preset = OF_PRESET,
        .help = "training steps"},
    {"lr", ARGUMENT_NUMBER, AT(lr), "RATE", .low = 0, .high = 1e3, .preset = OF_PRESET,
        .help = "peak learning rate of Adam"},
    {"clip", ARGUMENT_NUMBER, AT(clip), "NORM", .low = 0, .high = INFINITY, .preset = OF_PRESET,
        .help = "clip the gradient's norm at this, 0: never"},
    {"warmup", ARGUMENT_INTEGER, AT(warmup), "N", .low = 0, .high = 1e9, .preset = OF_PRESET,
        .help = "steps of linear warm-up"},
    {"weight-decay", ARGUMENT_NUMBER, AT(weight_decay), "X", .low = 0, .high = 1e3, .preset = OF_PRESET,
        .help = "decoupled weight decay"},
    {"seed", ARGUMENT_SEED, AT(seed), "S", .preset = OF_PRESET, .help = "of the weights and of dropout"},
    {"checkpoint-every", ARGUMENT_INTEGER, AT(checkpoint_every), "N", .low = 0, .high = 1e9,
        .preset = OF_PRESET, .help = "steps between checkpoints, 0: at the end only"},
    {"valid-every", ARGUMENT_INTEGER, AT(valid_every), "N", .low = 0, .high = 1e9, .preset = OF_PRESET,
        .help = "steps between validations, 0: never"},
    {"valid-tokens", ARGUMENT_INTEGER, AT(valid_tokens), "N", .low = 0, .high = 1e15, .preset = OF_PRESET,
        .help = "validate on this many tokens, 0: the whole split"},
};
