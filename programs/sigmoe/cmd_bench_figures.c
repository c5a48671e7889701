#include "commands.h"

#include "progress.h"

#include <stdio.h>
#include <string.h>

typedef struct figure_values {
    sigmoe_bench_figure_request request;
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
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads);
    char *table = NULL;
    sigmoe_status status = sigmoe_bench_figure(&v->request, &observer, &table);
    progress_close(&display);
    if (status == SIGMOE_OK) fputs(table, stdout);
    sigmoe_free(table);
    return report(status);
}

static void print_figures(void) {
    sigmoe_cost_figure figure;
    puts("\nThe figures, all of one layer, forward and backward:");
    for (int i = 0; sigmoe_cost_figure_at(i, &figure); i++)
        printf("  %-10s %s\n", figure.name, figure.summary);
}

#define FIGURE(number, size)                                                                                 \
    const command command_bench_figure##number = {                                                           \
        .name = "bench figure" #number,                                                                      \
        .summary = "the cost of a layer against " size ", dense and σ-MoE, drawn",                           \
        .usage = "",                                                                                         \
        .details =                                                                                           \
            "DIR gets time and memory as PNG, SVG and CSV; the dashed lines are what the measured peak "     \
            "and memory\nbandwidth would allow.",                                                            \
        .groups = {{arguments, COUNT(arguments), 0}},                                                        \
        .leaves_files = true,                                                                                \
        .values_size = sizeof(figure_values),                                                                \
        .defaults = defaults,                                                                                \
        .more_help = print_figures,                                                                          \
        .run = run,                                                                                          \
    };
FIGURE(2, "d (N_E = 32)")
FIGURE(8, "d (N_E = 16)")
FIGURE(9, "N_E")
FIGURE(10, "G")
FIGURE(11, "K")
