#include "commands.h"

#include "json_output.h"
#include "progress.h"

#include <math.h>
#include <stdio.h>

typedef struct eval_values {
    sigmoe_eval_request request;
    output_options output;
    int threads;
} eval_values;

#define AT(member) offsetof(eval_values, member)

static const char *const splits[] = {"train", "valid", "test", NULL};

static const argument arguments[] = {
    {"model", ARGUMENT_TEXT, AT(request.model), "DIR", .required = true,
        .help = "a model directory, or a RUN: its newest checkpoint"},
    {"data", ARGUMENT_TEXT, AT(request.data), "DIR", .required = true,
        .help = "what `sigmoe data prepare` made"},
    {"split", ARGUMENT_TEXT, AT(request.split), "NAME", .choices = splits, .help = "which part of the data"},
    {"batch", ARGUMENT_INTEGER, AT(request.batch), "B", .low = 1, .high = 1 << 20,
        .help = "streams; with 1 no token is left over"},
    {"memory-segments", ARGUMENT_INTEGER, AT(request.memory_segments), "M", .low = 0, .high = 1 << 16,
        .preset = "default: the configuration's", .help = "segments that attention looks back on"},
    {"stride", ARGUMENT_INTEGER, AT(request.stride), "S", .low = 1, .high = 1 << 20,
        .preset = "default: a whole window",
        .help = "move the window of T tokens on by S and score those alone, so that each has T - S before it "
                "in its window; takes T/S times as long"},
    {"dtype", ARGUMENT_CHOICE, AT(request.dtype), "TYPE", .choices = dtype_names,
        .help = "how operands of matrix products are stored"},
    {"limit-tokens", ARGUMENT_INTEGER, AT(request.limit_tokens), "N", .low = 0, .high = 1e15,
        .help = "score only this many from the start, 0: all"},
    {"verify", ARGUMENT_FLAG, AT(request.verify),
        .help = "read all data first and compare them with their sums, also what was read before"},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use",
        .help = "threads to compute with; the result does not depend on it"},
};

static void defaults(void *values) {
    sigmoe_eval_defaults(&((eval_values *)values)->request);
}

static void print_json(const sigmoe_scores *s) {
    json_output j = {0};
    emit_open(&j, NULL, '{');
    emit_number(&j, "tokens", (double)s->tokens);
    emit_number(&j, "nats_per_token", s->nats_per_token);
    emit_number(&j, "perplexity", s->perplexity);
    emit_number(&j, "bits_per_token", s->bits_per_token);
    // These three exist only if the sizes of the raw text are known.
    if (!isnan(s->bits_per_char)) emit_number(&j, "bits_per_char", s->bits_per_char);
    if (!isnan(s->bits_per_byte)) emit_number(&j, "bits_per_byte", s->bits_per_byte);
    if (!isnan(s->word_perplexity)) emit_number(&j, "word_perplexity", s->word_perplexity);
    emit_close(&j, '}');
}

static void print_line(const char *name, double value) {
    if (!isnan(value)) printf("%-16s %.6g\n", name, value);
}

static void print_text(const sigmoe_scores *s) {
    printf("%-16s %lld\n", "tokens", (long long)s->tokens);
    print_line("nats/token", s->nats_per_token);
    print_line("perplexity", s->perplexity);
    print_line("bits/token", s->bits_per_token);
    print_line("bits/char", s->bits_per_char);
    print_line("bits/byte", s->bits_per_byte);
    print_line("word perplexity", s->word_perplexity);
}

static int run(const parsed_arguments *given, void *values) {
    (void)given;
    eval_values *v = values;
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    display.stop_unread = true;
    sigmoe_scores scores;
    sigmoe_status status = sigmoe_evaluate(&v->request, &observer, &scores);
    progress_close(&display);
    if (status != SIGMOE_OK) return report(status);
    if (v->output.json)
        print_json(&scores);
    else
        print_text(&scores);
    return EXIT_FINE;
}

static const help_entry examples[] = {
    {"eval --model run --data data --split valid", "The newest checkpoint of a run:"},
    {"eval --model run --data data --stride 32 --limit-tokens 500 --json",
        "With more context for each token, for a script:"},
    {NULL, NULL},
};

const command command_eval = {
    .name = "eval",
    .summary = "score a model on a split: perplexity, bits per character",
    .usage = "",
    .examples = examples,
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}, {output_arguments, OUTPUT_ARGUMENTS, AT(output)},
        {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .values_size = sizeof(eval_values),
    .defaults = defaults,
    .run = run,
};
