#include "commands.h"

#include "json_output.h"
#include "progress.h"
#include "prompts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct score_values {
    sigmoe_likelihood_request request;
    const char *model, *in;
    sigmoe_dtype dtype;
    int threads;
    output_options output;
} score_values;

#define AT(member) offsetof(score_values, member)

static const argument arguments[] = {
    {"model", ARGUMENT_TEXT, AT(model), "DIR", .required = true,
        .help = "a model directory, or a RUN: its newest checkpoint"},
    {"in", ARGUMENT_TEXT, AT(in), "X.jsonl", .required = true,
        .help = "an object on each line; - is standard input"},
    {"out", ARGUMENT_TEXT, AT(request.out), "FILE", .preset = "default: standard output",
        .help = "where the results go"},
    {"dtype", ARGUMENT_CHOICE, AT(dtype), "TYPE", .choices = generation_dtype_names,
        .help = "how operands of matrix products are stored"},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use",
        .help = "threads to compute with; the result does not depend on it"},
};

static void defaults(void *values) {
    sigmoe_likelihood_defaults(&((score_values *)values)->request);
}

static void print_results(const sigmoe_likelihood *results, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        json_output j = {.one_line = true};
        emit_open(&j, NULL, '{');
        emit_number(&j, "nats", results[i].nats);
        emit_number(&j, "tokens", (double)results[i].tokens);
        emit_bool(&j, "greedy", results[i].greedy);
        emit_close(&j, '}');
    }
}

static int score_with(score_values *v, sigmoe_model *model) {
    const sigmoe_likelihood_request *r = &v->request;
    sigmoe_likelihood *results = calloc((size_t)r->count + 1, sizeof *results);
    if (!results) return complain(EXIT_FAILED, "no memory for %lld results", (long long)r->count);
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    display.stop_unread = !r->out;
    sigmoe_status status = sigmoe_likelihoods(model, r, &observer, results);
    progress_close(&display);
    if (status == SIGMOE_OK && !r->out) print_results(results, r->count);
    free(results);
    return report(status);
}

static int score(score_values *v, const sigmoe_passages *passages) {
    sigmoe_model *model;
    v->request.passages = sigmoe_passages_list(passages, &v->request.count);
    int status = report(sigmoe_model_load_as(v->model, v->threads, v->dtype, &model));
    if (status != EXIT_FINE) return status;
    status = score_with(v, model);
    sigmoe_model_free(model);
    return status;
}

static int run(const parsed_arguments *given, void *values) {
    (void)given;
    score_values *v = values;
    prompts text;
    sigmoe_passages *passages;
    v->request.file = strcmp(v->in, "-") == 0 ? "standard input" : v->in;
    int status = prompts_read_file(v->in, &text);
    if (status != EXIT_FINE) return status;
    status = report(sigmoe_passages_read(v->request.file, text.texts[0], text.sizes[0], &passages));
    prompts_free(&text);
    if (status != EXIT_FINE) return status;
    status = score(v, passages);
    sigmoe_passages_free(passages);
    return status;
}

static const help_entry examples[] = {
    {"score --model run --in questions.jsonl", "How probable the model finds the answers:"},
    {"score --model run --in documents.jsonl --out nats.jsonl", "The results in a file:"},
    {NULL, NULL},
};

const command command_score = {
    .name = "score",
    .summary = "how probable a model finds texts",
    .usage = "",
    .details =
        "Each line of X.jsonl is {\"context\": \"...\", \"continuation\": \"...\"} or, for a whole document, "
        "{\"text\": \"...\"}.\n"
        "A document, like a continuation without a context, follows a newline (with SentencePiece, where "
        "lines end without\n"
        "a token, a space). For each there is a line, in the same order:\n\n"
        "{\"nats\": N, \"tokens\": T, \"greedy\": G}\n\n"
        "N is the sum of -ln p over the T tokens of the continuation, each given all tokens before it that "
        "the model's\n"
        "memory reaches. G says whether each of them is the most probable one. What contexts have in common "
        "is\n"
        "computed once.",
    .examples = examples,
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0},
        {output_arguments + 1, OUTPUT_ARGUMENTS - 1, AT(output)}, {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .values_size = sizeof(score_values),
    .defaults = defaults,
    .run = run,
};
