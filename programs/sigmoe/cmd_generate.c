#include "commands.h"

#include "json_output.h"
#include "progress.h"
#include "prompts.h"
#include "signals.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct generate_values {
    sigmoe_generate_request request;
    const char *model, *prompt, *file, *prompts;
    text_list stop;
    sigmoe_dtype dtype;
    bool no_stream, no_echo;
    output_options output;
    int threads;
} generate_values;

#define AT(member) offsetof(generate_values, member)

static const argument arguments[] = {
    {"model", ARGUMENT_TEXT, AT(model), "DIR", .required = true,
        .help = "a model directory, or a RUN: its newest checkpoint"},
    {"prompt", ARGUMENT_TEXT, AT(prompt), "TEXT", .letter = 'p', .may_be_empty = true, .values = &none_known,
        .help = "what the text begins with; an empty one stands for a newline"},
    {"file", ARGUMENT_TEXT, AT(file), "FILE", .letter = 'f',
        .help = "a file that holds the prompt; - is standard input"},
    {"prompts", ARGUMENT_TEXT, AT(prompts), "FILE",
        .help = "a file with a prompt on each line; - is standard input"},
    {"max-tokens", ARGUMENT_INTEGER, AT(request.max_tokens), "N", .letter = 'n', .low = 0, .high = 1e9,
        .help = "tokens to generate for a prompt, unless --stop ends it before"},
    {"temperature", ARGUMENT_NUMBER, AT(request.temperature), "T", .low = 0, .high = 1e6,
        .help = "divides the logits: below 1 the probable becomes more probable, with 0 only the most "
                "probable token is taken"},
    {"top-k", ARGUMENT_INTEGER, AT(request.top_k), "K", .low = 0, .high = 1 << 30,
        .help = "draw from the K most probable tokens, 0: all"},
    {"top-p", ARGUMENT_NUMBER, AT(request.top_p), "P", .low = 0, .high = 1,
        .help = "draw from the fewest tokens that together have this probability"},
    {"min-p", ARGUMENT_NUMBER, AT(request.min_p), "P", .low = 0, .high = 1,
        .help = "draw from the tokens with at least this share of the most probable one's probability"},
    {"repetition-penalty", ARGUMENT_NUMBER, AT(request.repetition_penalty), "R", .low = 0, .high = 1e6,
        .help = "makes tokens that the text has less probable if it is above 1"},
    {"seed", ARGUMENT_SEED, AT(request.seed), "S", .help = "the same seed gives the same text"},
    {"stop", ARGUMENT_REPEATED, AT(stop), "TEXT", .values = &none_known,
        .help = "end before this text; may be repeated"},
    {"context", ARGUMENT_INTEGER, AT(request.context), "N", .low = 0, .high = 1 << 30,
        .preset = "default: as in evaluation",
        .help = "tokens before a segment that attention looks back on"},
    {"batch", ARGUMENT_INTEGER, AT(request.batch), "B", .low = 1, .high = 8,
        .help = "prompts to continue together; texts do not depend on it"},
    {"dtype", ARGUMENT_CHOICE, AT(dtype), "TYPE", .choices = generation_dtype_names,
        .help = "how operands of matrix products are stored; int8: large weights in 8 bits, the rest f32"},
    {"no-stream", ARGUMENT_FLAG, AT(no_stream), .help = "print the text when it is complete"},
    {"no-echo", ARGUMENT_FLAG, AT(no_echo), .help = "print the continuation without the prompt"},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use",
        .help = "threads to compute with; the text does not depend on it"},
};

static void defaults(void *values) {
    sigmoe_generate_defaults(&((generate_values *)values)->request);
}

typedef struct generation {
    generate_values *v;
    sigmoe_model *model;
    const prompts *prompts;
    sigmoe_generation *results;
    bool *finished;
    int64_t shown; // results, in the order of prompts
} generation;

// ---------------------------------------------------------------- output

// Parts of a text that is streamed. Without a reader there is no reason to go on.
static void print_part(void *context, int64_t prompt, const char *part, size_t bytes) {
    (void)context, (void)prompt;
    if (fwrite(part, 1, bytes, stdout) != bytes || fflush(stdout) != 0) stop_unread();
}

static void print_json(const generation *g, int64_t i) {
    const sigmoe_generation *r = &g->results[i];
    json_output j = {.one_line = g->v->prompts != NULL};
    emit_open(&j, NULL, '{');
    emit_bytes(&j, "prompt", g->prompts->texts[i], g->prompts->sizes[i]);
    emit_bytes(&j, "text", r->text, r->size);
    emit_number(&j, "prompt_tokens", (double)r->prompt_tokens);
    emit_number(&j, "tokens", (double)r->tokens);
    emit_bool(&j, "stopped", r->stopped);
    emit_close(&j, '}');
}

// Texts come in the order of their prompts.
static void print_finished(void *context, int64_t prompt) {
    generation *g = context;
    g->finished[prompt] = true;
    for (; g->shown < g->prompts->count && g->finished[g->shown]; g->shown++) {
        const sigmoe_generation *r = &g->results[g->shown];
        if (g->v->output.json) {
            print_json(g, g->shown);
            continue;
        }
        fwrite(r->text, 1, r->size, stdout);
        if (g->v->prompts) putchar('\n');
    }
    if (fflush(stdout) != 0) stop_unread();
}

// ---------------------------------------------------------------- generating

static bool streams(const generate_values *v) {
    return !v->no_stream && !v->prompts && !v->output.json;
}

static int run_prompts(generation *g) {
    generate_values *v = g->v;
    sigmoe_generate_request *r = &v->request;
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet || streams(v));
    display.stop_unread = true;
    r->prompts = (const char *const *)g->prompts->texts;
    r->prompt_sizes = g->prompts->sizes;
    r->prompt_count = g->prompts->count;
    r->text = streams(v) ? print_part : NULL;
    r->finished = streams(v) ? NULL : print_finished;
    r->receiver = g;
    sigmoe_status status = sigmoe_generate(g->model, r, &observer, g->results);
    progress_close(&display);
    for (int64_t i = 0; i < g->prompts->count; i++) sigmoe_free(g->results[i].text);
    return report(status);
}

static int generate(generate_values *v, sigmoe_model *model, const prompts *texts) {
    generation g = {.v = v, .model = model, .prompts = texts};
    if (texts->count == 0) return EXIT_FINE;
    g.results = calloc((size_t)texts->count, sizeof *g.results);
    g.finished = calloc((size_t)texts->count, sizeof *g.finished);
    int status = g.results && g.finished
                     ? run_prompts(&g)
                     : complain(EXIT_FAILED, "no memory for %lld texts", (long long)texts->count);
    free(g.results);
    free(g.finished);
    // A shell's next line is not to begin behind the text.
    if (!v->output.json && !v->prompts && isatty(STDOUT_FILENO)) putchar('\n');
    return status;
}

// Waits for a line, or for a signal that asks to stop.
static bool line_arrives(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    fputs("> ", stderr);
    while (poll(&input, 1, -1) < 0)
        if (errno != EINTR || signal_received()) return false;
    return true;
}

static int converse(generate_values *v, sigmoe_model *model) {
    char *line = NULL;
    size_t room = 0;
    signals_catch();
    while (line_arrives()) {
        ssize_t length = getline(&line, &room, stdin);
        if (length < 0) break;
        if (length > 0 && line[length - 1] == '\n') line[--length] = '\0';
        prompts one = {&line, &(size_t){(size_t)length}, 1};
        int status = generate(v, model, &one);
        if (status != EXIT_FINE && signal_received()) break;
    }
    free(line);
    fputc('\n', stderr);
    return signal_received() ? 128 + signal_received() : EXIT_FINE;
}

static int generate_from(generate_values *v, sigmoe_model *model) {
    prompts texts = {0};
    int status = EXIT_FINE;
    if (v->prompt) {
        char *text = (char *)v->prompt;
        return generate(v, model, &(prompts){&text, &(size_t){strlen(text)}, 1});
    }
    if (!v->file && !v->prompts && isatty(STDIN_FILENO)) return converse(v, model);
    status = v->prompts ? prompts_read_lines(v->prompts, &texts)
                        : prompts_read_file(v->file ? v->file : "-", &texts);
    if (status == EXIT_FINE) status = generate(v, model, &texts);
    prompts_free(&texts);
    return status;
}

static int run(const parsed_arguments *given, void *values) {
    (void)given;
    generate_values *v = values;
    sigmoe_model *model;
    if ((v->prompt != NULL) + (v->file != NULL) + (v->prompts != NULL) > 1)
        return complain(EXIT_USAGE, "give one of --prompt TEXT, --file FILE and --prompts FILE");
    v->request.stop = v->stop.items;
    v->request.stop_count = v->stop.count;
    v->request.echo = !v->no_echo && !v->output.json;
    int status = report(sigmoe_model_load_as(v->model, v->threads, v->dtype, &model));
    if (status != EXIT_FINE) return status;
    status = generate_from(v, model);
    sigmoe_model_free(model);
    return status;
}

static const help_entry examples[] = {
    {"generate --model run --prompt 'a mind of ' -n 200 --seed 1", "200 tokens that follow a prompt:"},
    {"generate --model run --prompt 'a ' --temperature 0.8 --top-k 40", "What is less probable is left out:"},
    {"generate --model run --prompts prompts.txt --no-echo --json",
        "For many prompts, a JSON line for each:"},
    {NULL, NULL},
};

const command command_generate = {
    .name = "generate",
    .summary = "text that a model makes of a prompt",
    .usage = "",
    .details =
        "Standard output holds the text alone: the prompt and its continuation, which ends after N tokens or "
        "before a stop text.\n"
        "Without a prompt, it is read from standard input; on a terminal, each line is a prompt. With "
        "SentencePiece, where\n"
        "lines end without a token, an empty prompt stands for a space.\n\n"
        "Bytes of which no character is made are shown as U+FFFD. With --json, `text` is the continuation; "
        "with --prompts,\n"
        "each prompt has a line of its own.",
    .examples = examples,
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}, {output_arguments, OUTPUT_ARGUMENTS, AT(output)},
        {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .values_size = sizeof(generate_values),
    .defaults = defaults,
    .run = run,
};
