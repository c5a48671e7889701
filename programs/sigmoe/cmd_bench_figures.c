#include "commands.h"

#include "layout.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct figure_values {
    sigmoe_bench_figure_request request;
    output_options output;
    int threads;
} figure_values;

#define AT(member) offsetof(figure_values, member)

static const argument arguments[] = {
    {"out", ARGUMENT_TEXT, AT(request.out), "DIR", .required = true, .help = "directory to make"},
    {"tokens", ARGUMENT_INTEGER, AT(request.tokens), "N", .low = 1, .high = 1 << 24,
        .help = "tokens in the batch, B·T"},
    {"repetitions", ARGUMENT_INT, AT(request.repetitions), "N", .low = 1, .high = 10000,
        .help = "runs to take the median of, after a warm-up"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace DIR when it exists, if sigmoe made it"},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use", .help = "threads to compute with"},
};

static void defaults(void *values) {
    sigmoe_bench_figure_defaults(&((figure_values *)values)->request);
}

static int run(const parsed_arguments *given, void *values) {
    figure_values *v = values;
    v->request.figure = given->command->name + strlen("bench ");
    v->request.json = v->output.json;
    v->request.columns = terminal_columns(STDOUT_FILENO);
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    char *table = NULL;
    sigmoe_status status = sigmoe_bench_figure(&v->request, &observer, &table);
    progress_close(&display);
    if (status == SIGMOE_OK && v->output.json) fputs(table, stdout);
    if (status == SIGMOE_OK && !v->output.json) print_fitted(table);
    sigmoe_free(table);
    return report(status);
}

static const help_entry files[] = {
    {"DIR/FIGURE-time.svg", "time against the size; also PNG, and FIGURE-memory"},
    {"DIR/FIGURE.csv", "the numbers"},
    {NULL, NULL},
};

#define FIGURE(number, size)                                                                                 \
    static const help_entry examples##number[] = {                                                           \
        {"bench figure" #number " --out figure" #number " --tokens 1024",                                    \
            "With fewer tokens, in less time:"},                                                             \
        {NULL, NULL},                                                                                        \
    };                                                                                                       \
    const command command_bench_figure##number = {                                                           \
        .name = "bench figure" #number,                                                                      \
        .summary = "the cost of a layer against " size ", dense and σ-MoE, drawn",                           \
        .usage = "",                                                                                         \
        .details = "The dashed lines are what the measured peak and memory bandwidth would allow.",          \
        .list_title = "Figures; all of one layer, forward and backward",                                     \
        .list = &known_cost_figures,                                                                         \
        .files = files,                                                                                      \
        .examples = examples##number,                                                                        \
        .groups = {{arguments, ARGUMENT_COUNT(arguments), 0},                                                \
            {output_arguments, OUTPUT_ARGUMENTS, AT(output)}, {memory_arguments, MEMORY_ARGUMENTS, 0}},      \
        .leaves_files = true,                                                                                \
        .values_size = sizeof(figure_values),                                                                \
        .defaults = defaults,                                                                                \
        .run = run,                                                                                          \
    };
FIGURE(2, "d (N_E = 32)")
FIGURE(8, "d (N_E = 16)")
FIGURE(9, "N_E")
FIGURE(10, "G")
FIGURE(11, "K")
