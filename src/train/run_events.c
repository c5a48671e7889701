#include "train/run_events.h"

#include <inttypes.h>
#include <math.h>

// What is not known, as word perplexity of data without words, is no curve.
static void add_known(event_file *f, const char *tag, double value) {
    if (!isnan(value)) event_scalar(f, tag, value);
}

sigmoe_status run_events_step(event_file *f, const step_report *report) {
    event_begin(f, report->step + 1);
    event_scalar(f, "train/loss", report->loss);
    event_scalar(f, "train/reg", report->regularizer);
    event_scalar(f, "train/grad_norm", report->gradient_norm);
    event_scalar(f, "train/lr", report->lr);
    event_scalar(f, "train/tokens_per_s", report->tokens_per_second);
    return event_end(f);
}

sigmoe_status run_events_validation(event_file *f, int64_t steps_done, const sigmoe_scores *scores) {
    event_begin(f, steps_done);
    add_known(f, "valid/nats_per_token", scores->nats_per_token);
    add_known(f, "valid/perplexity", scores->perplexity);
    add_known(f, "valid/bits_per_token", scores->bits_per_token);
    add_known(f, "valid/bits_per_char", scores->bits_per_char);
    add_known(f, "valid/bits_per_byte", scores->bits_per_byte);
    add_known(f, "valid/word_perplexity", scores->word_perplexity);
    return event_end(f);
}

sigmoe_status run_events_usage(event_file *f, int64_t step, const ff_statistics *s) {
    if (s->experts == 0) return SIGMOE_OK;
    event_begin(f, step + 1);
    for (int64_t i = 0; i < s->layers; i++) {
        char tag[64];
        snprintf(tag, sizeof tag, "experts/layer_%" PRId64, i);
        event_histogram(f, tag, s->layer[i].weight, s->experts);
    }
    return event_end(f);
}
