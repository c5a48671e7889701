#include "config/train_settings.h"

#include "base/arena.h"
#include "base/round_up.h"

#include <math.h>
#include <string.h>

#define FIELD(field) .name = #field, .offset = offsetof(sigmoe_train_settings, field)

// 2^53: a double represents all integers up to here exactly.
static const double MOST = 9007199254740992.0;

static const char *const dtypes[] = {[SIGMOE_F32] = "f32", [SIGMOE_BF16] = "bf16", NULL};
static const char *const schedules[] = {
    [SIGMOE_SCHEDULE_COSINE] = "cosine", [SIGMOE_SCHEDULE_CONSTANT] = "constant", NULL};

static const option options[] = {
    {FIELD(batch), .type = OPTION_INTEGER, .low = 1, .high = 1 << 20, .usual = 64, .help = "sequences B"},
    {FIELD(steps), .type = OPTION_INTEGER, .low = 0, .high = 1e12, .usual = 100000, .help = "updates"},
    {FIELD(lr), .type = OPTION_NUMBER, .low = 0, .high = 1e6, .usual = 2.5e-4, .help = "peak learning rate"},
    {FIELD(clip), .type = OPTION_NUMBER, .low = 0, .high = 1e30, .usual = 0.25,
        .help = "gradient-norm clip; 0: none"},
    {FIELD(warmup), .type = OPTION_INTEGER, .low = 0, .high = 1e12, .usual = 0, .help = "warm-up steps"},
    {FIELD(weight_decay), .type = OPTION_NUMBER, .low = 0, .high = 1e6, .usual = 0,
        .help = "decoupled weight decay"},
    {FIELD(seed), .type = OPTION_INTEGER, .low = 0, .high = MOST, .usual = 0,
        .help = "of every random number"},
    {FIELD(checkpoint_every), .type = OPTION_INTEGER, .low = 0, .high = 1e12, .usual = 0,
        .help = "steps; 0: by the clock, or at the end"},
    {FIELD(valid_every), .type = OPTION_INTEGER, .low = -1, .high = 1e12, .usual = -1,
        .help = "steps; 0: never, -1: twenty times"},
    {FIELD(valid_tokens), .type = OPTION_INTEGER, .low = 0, .high = MOST, .usual = 0,
        .help = "of the split's start; 0: all"},
    {FIELD(dtype), .type = OPTION_CHOICE, .choices = dtypes, .usual = SIGMOE_F32,
        .help = "how operands of matrix products are stored"},
    {FIELD(schedule), .type = OPTION_CHOICE, .choices = schedules, .usual = SIGMOE_SCHEDULE_COSINE,
        .help = "the learning rate after the warm-up"},
};

option_table train_settings_options(void) {
    return (option_table){options, sizeof options / sizeof *options};
}

sigmoe_train_settings train_settings_default(void) {
    sigmoe_train_settings settings;
    option_defaults(train_settings_options(), &settings);
    return settings;
}

// Those that a resumed run may change.
static const char *const changeable[] = {"steps", "lr", "clip", "schedule"};

bool train_settings_may_change(const char *name) {
    for (size_t i = 0; i < sizeof changeable / sizeof *changeable; i++)
        if (strcmp(changeable[i], name) == 0) return true;
    return false;
}

bool train_settings_take(sigmoe_train_settings *to, const sigmoe_train_settings *from, const char *name) {
    const option *o = option_find(train_settings_options(), name);
    if (!o) return false;
    size_t size = o->type == OPTION_INTEGER  ? sizeof(int64_t)
                  : o->type == OPTION_NUMBER ? sizeof(double)
                                             : sizeof(int); // a choice
    memcpy((char *)to + o->offset, (const char *)from + o->offset, size);
    return true;
}

static bool same_value(const option *o, const void *a, const void *b) {
    const void *x = (const char *)a + o->offset, *y = (const char *)b + o->offset;
    switch (o->type) {
    case OPTION_INTEGER:
        return *(const int64_t *)x == *(const int64_t *)y;
    case OPTION_NUMBER:
        return *(const double *)x == *(const double *)y;
    default: // a choice
        return *(const int *)x == *(const int *)y;
    }
}

const char *train_settings_difference(const sigmoe_train_settings *a, const sigmoe_train_settings *b) {
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!same_value(&options[i], a, b)) return options[i].name;
    return NULL;
}

sigmoe_status train_settings_check(const sigmoe_train_settings *settings) {
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const option *o = &options[i];
        const void *field = (const char *)settings + o->offset;
        if (o->type == OPTION_CHOICE) {
            TRY(option_check((option_table){o, 1}, "", settings));
            continue;
        }
        double value = o->type == OPTION_INTEGER ? (double)*(const int64_t *)field : *(const double *)field;
        if (!(value >= o->low && value <= o->high))
            return fail(SIGMOE_BAD_ARGUMENT, "%s is %.17g; it must lie between %.17g and %.17g", o->name,
                value, o->low, o->high);
    }
    return SIGMOE_OK;
}

sigmoe_status checkpoint_seconds_check(double seconds) {
    if (seconds >= 0 && isfinite(seconds)) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT, "checkpoint_seconds is %g; it must be 0 (at the end) or more", seconds);
}

int64_t train_settings_valid_every(const sigmoe_train_settings *settings) {
    return divide_up(settings->steps, VALIDATIONS);
}

// All validations together cost 1/PART of the tokens trained on, but each has at least one segment per stream. 0: the split is
// not longer than that, or the sizes overflow.
static int64_t cheap_tokens(const sigmoe_train_settings *settings, int64_t unroll, int64_t split_tokens) {
    enum { PART = 10 };
    int64_t least, step, all;
    if (!size_product(&least, SCORE_STREAMS, unroll) || !size_product(&step, settings->batch, unroll) ||
        !size_product(&all, step, settings->steps))
        return 0;
    int64_t cheap = all / (PART * VALIDATIONS);
    if (cheap < least) cheap = least;
    return cheap < split_tokens - 1 ? cheap : 0;
}

void train_settings_plan_validations(sigmoe_train_settings *settings, int64_t unroll, int64_t split_tokens) {
    if (settings->valid_every != -1) return;
    settings->valid_every = train_settings_valid_every(settings);
    if (settings->valid_tokens == 0) settings->valid_tokens = cheap_tokens(settings, unroll, split_tokens);
}
