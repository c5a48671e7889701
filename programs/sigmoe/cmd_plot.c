#include "commands.h"

#include "layout.h"

#include <stdio.h>
#include <unistd.h>

#define AT(member) offsetof(sigmoe_plot_request, member)

static const argument arguments[] = {
    {"out", ARGUMENT_TEXT, AT(out), "FILE.png|FILE.svg|-", .preset = "default -, unless --csv is given",
        .help = "the picture to make; -: curves in characters, on standard output"},
    {"csv", ARGUMENT_TEXT, AT(csv), "FILE|-",
        .help = "write all numbers, a line for each step of each run; -: to standard output"},
    {"force", ARGUMENT_FLAG, AT(force), .help = "replace files that exist"},
};

static void defaults(void *values) {
    sigmoe_plot_defaults(values);
}

static int run(const parsed_arguments *given, void *values) {
    sigmoe_plot_request *r = values;
    char *text;
    if (given->positional_count == 0)
        return complain(EXIT_USAGE, "plot needs at least one RUN, or the directory of a comparison");
    r->runs = (const char *const *)given->positionals;
    r->run_count = given->positional_count;
    if (!r->out && !r->csv) r->out = "-";
    int columns = terminal_columns(STDOUT_FILENO);
    if (columns > 0) r->columns = columns;
    r->color = terminal_colors(STDOUT_FILENO);
    sigmoe_status status = sigmoe_plot(r, &text);
    if (text) fputs(text, stdout);
    sigmoe_free(text);
    return report(status);
}

static const help_entry examples[] = {
    {"plot run", "Curves on the terminal:"},
    {"plot run dense --out curves.png", "Two runs in one picture:"},
    {"plot comparison --csv numbers.csv", "The numbers of all runs of a comparison:"},
    {NULL, NULL},
};

const command command_plot = {
    .name = "plot",
    .summary = "curves of loss and validation: a picture, characters, or numbers as CSV",
    .usage = "RUN...",
    .details = "RUN is the directory of a run, or of a comparison or sweep, of which all runs are shown.",
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}},
    .words = {&known_directories, &known_directories},
    .positionals = 64,
    .examples = examples,
    .values_size = sizeof(sigmoe_plot_request),
    .defaults = defaults,
    .run = run,
};
