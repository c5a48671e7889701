#include "commands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const recompute_names[] = {
    [SIGMOE_RECOMPUTE_NONE] = "none",
    [SIGMOE_RECOMPUTE_FF] = "ff",
    [SIGMOE_RECOMPUTE_ALL] = "all",
    NULL,
};

const char *const dtype_names[] = {[SIGMOE_F32] = "f32", [SIGMOE_BF16] = "bf16", NULL};
const char *const generation_dtype_names[] = {
    [SIGMOE_F32] = "f32", [SIGMOE_BF16] = "bf16", [SIGMOE_INT8] = "int8", NULL};

static const char *const schedule_names[] = {
    [SIGMOE_SCHEDULE_COSINE] = "cosine", [SIGMOE_SCHEDULE_CONSTANT] = "constant", NULL};

#define AT(member) offsetof(sigmoe_train_settings, member)

const argument training_arguments[TRAINING_ARGUMENTS] = {
    {"batch", ARGUMENT_INTEGER, AT(batch), "B", .low = 1, .high = 1 << 20, .help = "sequences in a step"},
    {"steps", ARGUMENT_INTEGER, AT(steps), "N", .low = 0, .high = 1e9, .help = "training steps"},
    {"lr", ARGUMENT_NUMBER, AT(lr), "RATE", .low = 0, .high = 1e3, .help = "peak learning rate of Adam"},
    {"clip", ARGUMENT_NUMBER, AT(clip), "NORM", .low = 0, .high = INFINITY,
        .help = "clip the gradient's norm at this, 0: never"},
    {"warmup", ARGUMENT_INTEGER, AT(warmup), "N", .low = 0, .high = 1e9, .help = "steps of linear warm-up"},
    {"schedule", ARGUMENT_CHOICE, AT(schedule), "SHAPE", .choices = schedule_names,
        .help = "of the learning rate after the warm-up: it falls along a cosine over all steps, or stays"},
    {"weight-decay", ARGUMENT_NUMBER, AT(weight_decay), "X", .low = 0, .high = 1e3,
        .help = "decoupled weight decay"},
    {"seed", ARGUMENT_SEED, AT(seed), "S", .help = "of the weights and of dropout"},
    {"valid-every", ARGUMENT_INTEGER, AT(valid_every), "N", .low = 0, .high = 1e9,
        .preset = "default: twenty times in all, or the preset's",
        .help = "steps between validations, 0: never (not in compare and sweep)"},
    {"valid-tokens", ARGUMENT_INTEGER, AT(valid_tokens), "N", .low = 0, .high = 1e15,
        .preset = "default 0, of a long split without --valid-every: in all a tenth of what is trained on",
        .help = "validate on this many tokens, 0: the whole split"},
    {"dtype", ARGUMENT_CHOICE, AT(dtype), "TYPE", .choices = dtype_names,
        .help = "how operands of matrix products are stored; bf16 is mixed precision, weights stay f32"},
};

const argument cadence_arguments[CADENCE_ARGUMENTS] = {
    {"checkpoint-every", ARGUMENT_TEXT, 0, "N|15m|2h|end", .preset = "default 15m",
        .help = "save a checkpoint so often: by steps, or by the clock (s, m, h, d); there is always one at "
                "the end",
        .values = &none_known},
};

void training_given(const parsed_arguments *given, given_settings *out) {
    out->count = 0;
    for (int i = 0; i < TRAINING_ARGUMENTS; i++) {
        if (!arguments_given(given, training_arguments[i].name)) continue;
        char *name = out->texts[out->count];
        snprintf(name, sizeof out->texts[0], "%s", training_arguments[i].name);
        for (char *letter = name; *letter; letter++)
            if (*letter == '-') *letter = '_';
        out->names[out->count++] = name;
    }
    if (!arguments_given(given, cadence_arguments[0].name)) return;
    out->names[out->count++] = "checkpoint_every";
    out->names[out->count++] = "checkpoint_seconds";
}

double duration_seconds(const char *text) {
    static const char units[] = "smhd";
    static const double seconds[] = {1, 60, 3600, 86400};
    double total = 0;
    do {
        char *unit;
        if (strspn(text, "0123456789.") == 0) return NAN;
        double value = strtod(text, &unit);
        const char *place = *unit ? strchr(units, *unit) : NULL;
        if (!place) return NAN;
        total += value * seconds[place - units];
        text = unit + 1;
    } while (*text);
    return total > 0 && total < 1e12 ? total : NAN;
}

static int complain_cadence(const char *text) {
    return complain(EXIT_USAGE,
        "--checkpoint-every is `%s`: give steps (500), a time (90s, 15m, 1h30m, 1d), or end for none before "
        "the end",
        text);
}

int checkpoint_cadence(const char *text, int64_t *steps, double *seconds) {
    static const int64_t most_steps = 1000000000;
    if (!text) return EXIT_FINE;
    if (strcmp(text, "end") == 0) {
        *steps = 0, *seconds = 0;
        return EXIT_FINE;
    }
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && !text[digits]) {
        int64_t count = digits > 10 ? most_steps + 1 : strtoll(text, NULL, 10);
        if (count > most_steps) return complain_cadence(text);
        *steps = count, *seconds = 0; // 0 steps, as in 0.1.0: at the end
        return EXIT_FINE;
    }
    double value = duration_seconds(text);
    if (isnan(value)) return complain_cadence(text);
    *steps = 0, *seconds = value;
    return EXIT_FINE;
}
