#include "commands.h"

#include "layout.h"
#include "progress.h"

#include <stdio.h>
#include <unistd.h>

typedef struct analyze_values {
    sigmoe_analyze_request request;
    output_options output;
    int threads;
} analyze_values;

#define AT(member) offsetof(analyze_values, member)

static const char *const splits[] = {"train", "valid", "test", NULL};

static const argument arguments[] = {
    {"data", ARGUMENT_TEXT, AT(request.data), "DIR", .required = true,
        .help = "what `sigmoe data prepare` made"},
    {"out", ARGUMENT_TEXT, AT(request.out), "DIR", .required = true, .help = "directory to make"},
    {"split", ARGUMENT_TEXT, AT(request.split), "NAME", .choices = splits, .help = "which part of the data"},
    {"limit-tokens", ARGUMENT_INTEGER, AT(request.limit_tokens), "N", .low = 0, .high = 1e15,
        .help = "read only this many from the start, 0: all"},
    {"batch", ARGUMENT_INTEGER, AT(request.batch), "B", .low = 1, .high = 1 << 20, .help = "streams"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace DIR when it exists, if sigmoe made it"},
    {"verify", ARGUMENT_FLAG, AT(request.verify),
        .help = "read all data first and compare them with their sums, also what was read before"},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use",
        .help = "threads to compute with; the result does not depend on it"},
};

static void defaults(void *values) {
    sigmoe_analyze_defaults(&((analyze_values *)values)->request);
}

static int run(const parsed_arguments *given, void *values) {
    analyze_values *v = values;
    if (given->positional_count == 0)
        return complain(EXIT_USAGE, "analyze needs at least one model directory or RUN");
    v->request.models = (const char *const *)given->positionals;
    v->request.model_count = given->positional_count;
    v->request.json = v->output.json;
    v->request.columns = terminal_columns(STDOUT_FILENO);
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    char *summary = NULL;
    sigmoe_status status = sigmoe_analyze(&v->request, &observer, &summary);
    progress_close(&display);
    if (status == SIGMOE_OK && v->output.json) fputs(summary, stdout);
    if (status == SIGMOE_OK && !v->output.json) print_fitted(summary);
    sigmoe_free(summary);
    return report(status);
}

static const help_entry files[] = {
    {"DIR/report.html", "everything on one page; each figure also as PNG, SVG and CSV"},
    {"DIR/layers.csv", "a line for each layer of each model"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"analyze run dense --data data --out analysis", "Two runs side by side:"},
    {NULL, NULL},
};

const command command_analyze = {
    .name = "analyze",
    .summary = "what feedforward blocks do: active channels, use of experts, what they fire on",
    .usage = "RUN|MODEL...",
    .details = "Of a RUN the newest checkpoint is read, and what its blocks did over training.",
    .files = files,
    .examples = examples,
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}, {output_arguments, OUTPUT_ARGUMENTS, AT(output)},
        {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .words = {&known_directories, &known_directories},
    .positionals = 64,
    .leaves_files = true,
    .values_size = sizeof(analyze_values),
    .defaults = defaults,
    .run = run,
};
