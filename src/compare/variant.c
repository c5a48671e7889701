#include "compare/variant.h"

#include "formats/json_options.h"
#include "model/match_parameters.h"
#include "model/size.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_NAMES = 128, MOST_OPTIONS = 32, WORD_SIZE = 64 };

// Copies [begin, end); all names and values of variants and options are shorter than a word.
static sigmoe_status copy_word(const char *begin, const char *end, char word[WORD_SIZE]) {
    size_t length = (size_t)(end - begin);
    if (length >= WORD_SIZE)
        return fail(SIGMOE_BAD_ARGUMENT, "\"%.20s...\" is too long for a name or a value", begin);
    memcpy(word, begin, length);
    word[length] = '\0';
    return SIGMOE_OK;
}

static sigmoe_status find_variant(const char *name, const paper_variant **found) {
    const char *names[MOST_NAMES];
    int count = 0;
    *found = paper_variant_named(name);
    if (*found) return SIGMOE_OK;
    for (; count < MOST_NAMES && count < paper_variant_count(); count++)
        names[count] = paper_variant_at(count)->name;
    return fail(SIGMOE_BAD_ARGUMENT, "there is no variant \"%s\"%s", name,
        option_hint("", name, names, count, "`sigmoe_variant_at` lists all").text);
}

static sigmoe_status find_option(const ff_variant *variant, const char *name, const option **out) {
    const char *names[MOST_OPTIONS];
    int count = 0;
    *out = option_find(variant->options, name);
    if (*out) return SIGMOE_OK;
    for (; count < MOST_OPTIONS && count < variant->options.count; count++)
        names[count] = variant->options.options[count].name;
    return fail(SIGMOE_BAD_ARGUMENT, "%s has no option \"%s\"%s", variant->name, name,
        option_hint("", name, names, count, NULL).text);
}

typedef struct option_set {
    const option *given[MOST_OPTIONS];
    int count;
} option_set;

static bool is_given(const option_set *set, const option *o) {
    for (int i = 0; i < set->count; i++)
        if (set->given[i] == o) return true;
    return false;
}

// One "key=value".
static sigmoe_status set_option(const char *begin, const char *end, model_config *model, option_set *set) {
    char key[WORD_SIZE], value[WORD_SIZE];
    const option *o;
    const char *equals = memchr(begin, '=', (size_t)(end - begin));
    if (!equals || equals == begin)
        return fail(
            SIGMOE_BAD_ARGUMENT, "\"%.*s\" must read key=value, as in k=64", (int)(end - begin), begin);
    TRY(copy_word(begin, equals, key));
    TRY(copy_word(equals + 1, end, value));
    TRY(find_option(model->variant, key, &o));
    if (is_given(set, o)) return fail(SIGMOE_BAD_ARGUMENT, "%s is given twice", key);
    if (set->count == MOST_OPTIONS) return fail(SIGMOE_BAD_ARGUMENT, "too many options");
    set->given[set->count++] = o;
    return option_set_text(o, "ff.", value, &model->ff);
}

// Computes the missing one of n_experts and expert_size from the other.
static sigmoe_status keep_channels(int64_t channels, moe_options *moe, bool experts_given, bool size_given) {
    if (experts_given == size_given) return SIGMOE_OK;
    const char *given = size_given ? "expert_size" : "n_experts";
    int64_t divisor = size_given ? moe->expert_size : moe->n_experts;
    if (channels % divisor != 0)
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s is %" PRId64 ", which does not divide the base's N_E·G of %" PRId64
            "; choose one that does, or give n_experts and expert_size both",
            given, divisor, channels);
    *(size_given ? &moe->n_experts : &moe->expert_size) = channels / divisor;
    return SIGMOE_OK;
}

static sigmoe_status solve_size(const model_config *base, model_config *model, const option_set *set) {
    const option *size = matched_option(model->variant);
    int64_t target;
    if (!size) {
        option_table table = model->variant->options;
        return keep_channels(base->variant->channels(&base->ff), &model->ff.moe,
            is_given(set, option_find(table, "n_experts")), is_given(set, option_find(table, "expert_size")));
    }
    if (is_given(set, size)) return SIGMOE_OK;
    TRY(model_parameter_count(base, &target));
    return match_parameters(target, model);
}

static sigmoe_status choose(const char *text, const model_config *base, variant_choice *out) {
    char name[WORD_SIZE];
    option_set set = {.count = 0};
    const char *end = strchrnul(text, ':');
    TRY(copy_word(text, end, name));
    TRY(find_variant(name, &out->paper));
    TRY(paper_variant_apply(out->paper, base, &out->model));
    while (*end) {
        const char *begin = end + 1;
        end = strchrnul(begin, ':');
        TRY(set_option(begin, end, &out->model, &set));
    }
    if (!out->paper->keeps_size) TRY(solve_size(base, &out->model, &set));
    return model_config_check(&out->model);
}

sigmoe_status variant_choose(const char *text, const model_config *base, variant_choice *out) {
    *out = (variant_choice){0};
    sigmoe_status status = choose(text, base, out);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "variant %.80s", text);
}
