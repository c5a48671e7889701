#include "commands.h"

#include <math.h>

const char *const recompute_names[] = {
    [SIGMOE_RECOMPUTE_NONE] = "none",
    [SIGMOE_RECOMPUTE_FF] = "ff",
    [SIGMOE_RECOMPUTE_ALL] = "all",
    NULL,
};

const char *const dtype_names[] = {[SIGMOE_F32] = "f32", [SIGMOE_BF16] = "bf16", NULL};

#define AT(member) offsetof(sigmoe_train_settings, member)

const argument training_arguments[TRAINING_ARGUMENTS] = {
    {"batch", ARGUMENT_INTEGER, AT(batch), "B", .low = 1, .high = 1 << 20, .help = "sequences in a step"},
    {"steps", ARGUMENT_INTEGER, AT(steps), "N", .low = 0, .high = 1e9, .help = "training steps"},
    {"lr", ARGUMENT_NUMBER, AT(lr), "RATE", .low = 0, .high = 1e3, .help = "peak learning rate of Adam"},
    {"clip", ARGUMENT_NUMBER, AT(clip), "NORM", .low = 0, .high = INFINITY,
        .help = "clip the gradient's norm at this, 0: never"},
    {"warmup", ARGUMENT_INTEGER, AT(warmup), "N", .low = 0, .high = 1e9, .help = "steps of linear warm-up"},
    {"weight-decay", ARGUMENT_NUMBER, AT(weight_decay), "X", .low = 0, .high = 1e3,
        .help = "decoupled weight decay"},
    {"seed", ARGUMENT_SEED, AT(seed), "S", .help = "of the weights and of dropout"},
    {"checkpoint-every", ARGUMENT_INTEGER, AT(checkpoint_every), "N", .low = 0, .high = 1e9,
        .help = "steps between checkpoints, 0: at the end only"},
    {"valid-every", ARGUMENT_INTEGER, AT(valid_every), "N", .low = 0, .high = 1e9,
        .help = "steps between validations, 0: never (compare and sweep: twenty times in all)"},
    {"valid-tokens", ARGUMENT_INTEGER, AT(valid_tokens), "N", .low = 0, .high = 1e15,
        .help = "validate on this many tokens, 0: the whole split"},
    {"dtype", ARGUMENT_CHOICE, AT(dtype), "TYPE", .choices = dtype_names,
        .help = "how operands of matrix products are stored; bf16 is mixed precision, weights stay f32"},
};
