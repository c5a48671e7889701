#include "train/banner.h"

#include "base/grouped.h"
#include "base/progress.h"
#include "base/threads_place.h"
#include "config/train_settings.h"
#include "formats/json_options.h"
#include "model/size.h"
#include "train/schedule.h"
#include "train/trainer_state.h"
#include "train/update.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ABOUT = 9, LINE = 1 << 14 }; // columns; several paths

void banner_line(const sigmoe_observer *observer, const char *about, const char *format, ...) {
    char line[LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    progress_note(observer, "%-*s%s", ABOUT, about, line);
}

// ---------------------------------------------------------------- the model and the data

// Appends a value as text.
static void append_value(const option *o, const void *values, char *text, size_t size) {
    const void *value = (const char *)values + o->offset;
    size_t used = strlen(text);
    switch (o->type) {
    case OPTION_INTEGER:
        snprintf(text + used, size - used, "%" PRId64, *(const int64_t *)value);
        break;
    case OPTION_NUMBER:
        snprintf(text + used, size - used, "%g", *(const double *)value);
        break;
    case OPTION_CHOICE:
        snprintf(text + used, size - used, "%s", o->choices[*(const int *)value]);
        break;
    case OPTION_FLAG:
        snprintf(text + used, size - used, "%s", *(const bool *)value ? "true" : "false");
    }
}

static void append(const char *more, char *text, size_t size) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

// ", n_experts 16, expert_size 32": what makes the block, without what has a default.
static void describe_block(const model_config *model, char *text, size_t size) {
    option_table table = model->variant->options;
    text[0] = '\0';
    for (int i = 0; i < table.count; i++) {
        const option *o = &table.options[i];
        if (!o->required) continue;
        append(", ", text, size);
        append(o->name, text, size);
        append(" ", text, size);
        append_value(o, &model->ff, text, size);
    }
}

void banner_model(
    const sigmoe_observer *observer, const char *about, const char *name, const model_config *model) {
    int64_t parameters = 0;
    (void)model_parameter_count(model, &parameters); // of a model that exists
    banner_line(observer, about, "%s%s parameters, %" PRId64 " layer%s of width %" PRId64, name,
        grouped(parameters).text, model->n_layers, plural(model->n_layers), model->d_model);
}

void banner_block(const sigmoe_observer *observer, const model_config *model) {
    char block[256];
    describe_block(model, block, sizeof block);
    banner_line(observer, "", "%s%s", model->variant->name, block);
}

static const char *kind_of_tokens(const dataset *data) {
    switch (data->tokenizer.type) {
    case TOKENIZER_BYTES:
        return "bytes";
    case TOKENIZER_SENTENCEPIECE:
        return "SentencePiece";
    default:
        return "unknown tokenizer";
    }
}

void banner_data(const sigmoe_observer *observer, const dataset *data, const char *split) {
    int64_t tokens = dataset_split(data, split)->tokens;
    banner_line(observer, "data", "%s, %s: %s tokens; %s, vocabulary %" PRId64, data->directory, split,
        tokens < 0 ? "?" : grouped(tokens).text, kind_of_tokens(data), data->vocab_size);
}

// ---------------------------------------------------------------- training

// ", 2.5 epochs", or nothing where the data do not say how long they are.
static void describe_epochs(
    const sigmoe_train_settings *s, int64_t unroll, const dataset *data, char text[64]) {
    int64_t each = data->train.tokens > 0 ? (data->train.tokens - 1) / s->batch / unroll : 0;
    char count[32];
    text[0] = '\0';
    if (each <= 0) return;
    snprintf(count, sizeof count, "%.3g", (double)s->steps / (double)each);
    snprintf(text, 64, ", %s epoch%s", count, strcmp(count, "1") == 0 ? "" : "s");
}

void banner_steps(
    const sigmoe_observer *observer, const sigmoe_train_settings *s, int64_t unroll, const dataset *data) {
    char epochs[64], warmup[64] = "";
    int64_t step = s->batch * unroll, all;
    describe_epochs(s, unroll, data, epochs);
    if (!size_product(&all, step, s->steps)) all = INT64_MAX;
    banner_line(observer, "steps", "%s of %" PRId64 " x %" PRId64 " = %s tokens: %s in all%s",
        grouped(s->steps).text, s->batch, unroll, grouped(step).text, grouped(all).text, epochs);
    if (s->warmup > 0)
        snprintf(
            warmup, sizeof warmup, "%s step%s of warm-up, then ", grouped(s->warmup).text, plural(s->warmup));
    banner_line(observer, "rate", "%g, %s%s", s->lr, warmup,
        s->schedule == SIGMOE_SCHEDULE_CONSTANT ? "constant" : "along a cosine");
}

void banner_compute(const sigmoe_observer *observer, const char *first, sigmoe_dtype operands) {
    int asked = observer ? observer->threads : 0, count = asked > 0 ? asked : threads_available();
    banner_line(observer, "compute", "%s%d thread%s, %s", first, count, plural(count),
        operands == SIGMOE_BF16 ? "bf16" : "f32");
}

typedef struct time_unit {
    int64_t seconds;
    const char *name;
} time_unit;

// "every 15 min", in the largest unit that divides it.
static void describe_seconds(double seconds, char text[64]) {
    static const time_unit units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}};
    for (int i = 0; i < 3; i++) {
        double count = seconds / (double)units[i].seconds;
        if (count < 1 || count != (double)(int64_t)count) continue;
        snprintf(text, 64, "every %g %s", count, units[i].name);
        return;
    }
    snprintf(text, 64, "every %g s", seconds);
}

void banner_output(const sigmoe_observer *observer, const char *out, const sigmoe_train_settings *s,
    double checkpoint_seconds) {
    char cadence[64] = "at the end";
    if (s->checkpoint_every > 0)
        snprintf(cadence, sizeof cadence, "every %s step%s", grouped(s->checkpoint_every).text,
            plural(s->checkpoint_every));
    else if (checkpoint_seconds > 0)
        describe_seconds(checkpoint_seconds, cadence);
    banner_line(observer, "output", "%s, a checkpoint %s", out, cadence);
}

// What a rank has of what ranks share.
static void banner_ranks(const trainer *t, const sigmoe_observer *observer) {
    const parameter_list *list = transformer_parameters(t->model);
    int64_t sequences = t->parts.share.sequences, masters = (int64_t)update_master_bytes(list);
    char kept[64] = "";
    if (masters > 0) snprintf(kept, sizeof kept, ", %s of unrounded weights", grouped(masters).text);
    banner_line(observer, "ranks",
        "%d, each with %" PRId64 " sequence%s of a batch and %s bytes of the optimizer's state%s%s",
        communicator_ranks(t->team.link), sequences, plural(sequences),
        grouped((int64_t)update_moment_bytes(list)).text, kept,
        t->team.sharing.wire == SIGMOE_BF16 ? "; gradients travel in bf16" : "");
}

// How a batch is divided, where it is.
static void banner_parts(const trainer *t, const sigmoe_observer *observer) {
    const batch_parts *parts = &t->parts;
    if (communicator_ranks(t->team.link) > 1) banner_ranks(t, observer);
    if (parts->count > 1)
        banner_line(observer, "parts",
            "%" PRId64 " of a batch, of %" PRId64 " sequence%s, one after the other", parts->count,
            parts->share.sequences / parts->count, plural(parts->share.sequences / parts->count));
}

void banner_sums(const trainer *t, const sigmoe_observer *observer) {
    flow_costs costs = tensor_flow_costs(t->flow);
    if (costs.values > 0)
        banner_line(observer, "ranks",
            "%.0f %% of the gradients were summed behind the backward pass; %.3g s of waiting for the rest",
            100 * costs.hidden / costs.values, costs.waited);
}

void banner_train(const trainer *t, const sigmoe_observer *observer) {
    char seed[64];
    const sigmoe_train_settings *s = &t->settings;
    snprintf(seed, sizeof seed, "seed %" PRIu64 ", ", s->seed);
    banner_model(observer, "model", "", &t->config.model);
    banner_block(observer, &t->config.model);
    banner_data(observer, &t->data, "train");
    banner_steps(observer, s, t->config.model.unroll, &t->data);
    banner_parts(t, observer);
    banner_compute(observer, seed, s->dtype);
    banner_output(observer, t->run, s, t->checkpoint_seconds);
}

// ---------------------------------------------------------------- a resumed run

// "steps 1000 to 2000, lr 0.001 to 0.0001"
static void describe_changes(
    const sigmoe_train_settings *before, const sigmoe_train_settings *now, char *text, size_t size) {
    option_table table = train_settings_options();
    sigmoe_train_settings same = *before;
    text[0] = '\0';
    // One by one, in the table's order.
    for (int i = 0; i < table.count; i++) {
        const option *o = &table.options[i];
        train_settings_take(&same, now, o->name);
        if (!train_settings_difference(&same, before)) continue;
        same = *before;
        append(*text ? ", " : "", text, size);
        append(o->name, text, size);
        append(" ", text, size);
        append_value(o, before, text, size);
        append(" to ", text, size);
        append_value(o, now, text, size);
    }
}

// From the rate of the last step to that of the next, where the next one's would have been another.
static void tell_jump(
    const trainer *t, const sigmoe_train_settings *before, const sigmoe_observer *observer) {
    const sigmoe_train_settings *now = &t->settings;
    char why[96] = "";
    double rate = learning_rate(now, t->step);
    if (t->step == 0 || t->step == now->steps || rate == learning_rate(before, t->step)) return;
    if (now->schedule == SIGMOE_SCHEDULE_COSINE && now->steps != before->steps)
        snprintf(why, sizeof why, ", since the cosine is drawn over %s steps now", grouped(now->steps).text);
    banner_line(observer, "jump", "the learning rate goes from %.4g to %.4g%s",
        learning_rate(before, t->step - 1), rate, why);
}

void banner_resume(const trainer *t, const sigmoe_train_settings *before, const sigmoe_observer *observer) {
    char changes[256];
    if (t->step == t->settings.steps)
        banner_line(observer, "resume", "all %s steps are done", grouped(t->step).text);
    else
        banner_line(
            observer, "resume", "from step %s of %s", grouped(t->step).text, grouped(t->settings.steps).text);
    describe_changes(before, &t->settings, changes, sizeof changes);
    if (*changes) banner_line(observer, "change", "%s", changes);
    tell_jump(t, before, observer);
}
