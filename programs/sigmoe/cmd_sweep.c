#include "command_line.h"
#include "commands.h"

#include "progress.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct sweep_values {
    text_list set;
    sigmoe_sweep_request request;
    const char *checkpoint_every;
    int threads;
} sweep_values;

#define AT(member) offsetof(sweep_values, member)

static const argument arguments[] = {
    {"data", ARGUMENT_TEXT, AT(request.data), "DIR", .required = true,
        .help = "what `sigmoe data prepare` made"},
    {"out", ARGUMENT_TEXT, AT(request.out), "RUN", .required = true,
        .help = "directory for table, report and runs"},
    {"set", ARGUMENT_REPEATED, AT(set), "KEY=VALUE",
        .help = "change the base before its rows are derived, see `sigmoe help config`; may be repeated"},
    {"seeds", ARGUMENT_INT, AT(request.seeds), "N", .low = 1, .high = 1000,
        .preset = "default: 1, or the file's",
        .help = "runs of each row; verdicts on the paper's claims need 3"},
    {"jobs", ARGUMENT_INT, AT(request.jobs), "N", .low = 1, .high = 64,
        .help = "runs at a time, each with its share of the threads"},
    {"resume", ARGUMENT_FLAG, AT(request.resume),
        .help = "go on in RUN; finished runs are not trained again"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace RUN when it exists, if sigmoe made it"},
    {"test-tokens", ARGUMENT_INTEGER, AT(request.test_tokens), "N", .low = 0, .high = 1e15,
        .preset = "default: a tenth of what is trained on, or the file's",
        .help = "score the final models on this many tokens of each split, 0: all"},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use",
        .help = "threads to compute with; the result does not depend on it"},
};

// As shown by --help; those of the table are filled in later.
static void defaults(void *values) {
    sweep_values *v = values;
    sigmoe_sweep_table first;
    if (sigmoe_sweep_table_at(0, &first)) (void)sigmoe_sweep_defaults(first.name, &v->request);
}

static void print_tables(void) {
    puts("\nTables");
    sigmoe_sweep_table table;
    for (int i = 0; sigmoe_sweep_table_at(i, &table); i++) printf("  %-16s %s\n", table.name, table.summary);
}

static int run(const parsed_arguments *given, void *values) {
    sweep_values *v = values;
    if (given->positional_count < 1)
        return complain(EXIT_USAGE, "sweep needs a table or a file; `sigmoe sweep --help` lists the tables");
    if (v->request.resume && v->request.force)
        return complain(
            EXIT_USAGE, "--resume goes on with what is there and --force throws it away: choose one");
    int failed = report(sigmoe_sweep_defaults(given->positionals[0], &v->request));
    if (failed != EXIT_FINE) return failed;
    arguments_fill(given, v); // arguments override the table's settings
    failed = checkpoint_cadence(
        v->checkpoint_every, &v->request.settings.checkpoint_every, &v->request.checkpoint_seconds);
    if (failed != EXIT_FINE) return failed;
    v->request.overrides = v->set.items;
    v->request.override_count = v->set.count;
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads);
    char *table = NULL;
    char *started_as = command_line();
    v->request.command = started_as;
    sigmoe_status status = sigmoe_sweep(&v->request, &observer, &table);
    free(started_as);
    progress_close(&display);
    if (table) fputs(table, stdout); // even if all runs failed
    sigmoe_free(table);
    return report(status);
}

const command command_sweep = {
    .name = "sweep",
    .summary = "train the rows of one of the paper's tables, or of a file; verdicts on its claims",
    .usage = "TABLE|FILE",
    .details =
        "A table's name ends in its base: tab10-wt-s. With @code behind it the base is as the public "
        "code's sweep has it. A file\n"
        "ends in .json: {\"base\": \"wt-s-moe\", \"rows\": [\"dense\", \"topk:k=64\"], \"set\": {}, "
        "\"seeds\": 3, \"settings\": {}, \"test_tokens\": N}; a row with\n"
        "fewer seeds than the others: {\"row\": \"2k\", \"seeds\": 1}.\n"
        "The training settings are the base's, here those of wt-s; --set and smaller settings make the "
        "same grid fit a small\n"
        "machine. All of tab10-e8 in minutes:\n"
        "  sigmoe sweep tab10-e8 --data DIR --out RUN --set d_model=64 --set n_layers=2 "
        "--set unroll=128 --batch 8 --steps 200 --lr 1e-3\n"
        "RUN gets table.txt, table.csv, table.json, claims.csv and report.html, and runs/ROW or, with "
        "several seeds, runs/ROW-seedK.",
    .groups = {{arguments, COUNT(arguments), 0},
        {training_arguments, TRAINING_ARGUMENTS, AT(request.settings)},
        {cadence_arguments, CADENCE_ARGUMENTS, AT(checkpoint_every)}},
    .positionals = 1,
    .leaves_files = true,
    .values_size = sizeof(sweep_values),
    .defaults = defaults,
    .more_help = print_tables,
    .run = run,
};
