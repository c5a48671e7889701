#include "command_line.h"
#include "commands.h"

#include "comparison_output.h"
#include "layout.h"
#include "progress.h"
#include "variant_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct sweep_values {
    text_list set;
    sigmoe_sweep_request request;
    const char *checkpoint_every, *variants;
    output_options output;
    int threads;
} sweep_values;

#define AT(member) offsetof(sweep_values, member)

static const argument arguments[] = {
    {"data", ARGUMENT_TEXT, AT(request.data), "DIR", .required = true,
        .help = "what `sigmoe data prepare` made"},
    {"out", ARGUMENT_TEXT, AT(request.out), "RUN", .required = true,
        .help = "directory for table, report and runs"},
    {"set", ARGUMENT_REPEATED, AT(set), "KEY=VALUE",
        .help = "change the base before its rows are derived, see `sigmoe help config`; may be repeated",
        .values = &known_config_keys},
    {"variants", ARGUMENT_TEXT, AT(variants), "A,B:KEY=VALUE,...", .preset = "default: the table's alone",
        .help = "rows beside the table's, as of compare", .values = &known_variants},
    {"seeds", ARGUMENT_INT, AT(request.seeds), "N", .low = 1, .high = 1000,
        .preset = "default: 1, or the file's",
        .help = "runs of each row; verdicts on the paper's claims need 3"},
    {"jobs", ARGUMENT_INT, AT(request.jobs), "N", .low = 1, .high = 64,
        .help = "runs at a time, each with its share of the threads"},
    {"resume", ARGUMENT_FLAG, AT(request.resume),
        .help = "go on in RUN; finished runs are not trained again"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace RUN when it exists, if sigmoe made it"},
    {"verify", ARGUMENT_FLAG, AT(request.verify),
        .help = "read all data first and compare them with their sums, also what was read before"},
    {"test-tokens", ARGUMENT_INTEGER, AT(request.test_tokens), "N", .low = 0, .high = 1e15,
        .preset = "default: a tenth of what is trained on, or the file's",
        .help = "score the final models on this many tokens of each split, 0: all"},
    {"sample-prompt", ARGUMENT_TEXT, AT(request.sample_prompt), "TEXT", .may_be_empty = true,
        .values = &none_known, .help = "the report shows how each row's model continues this text"},
    {"on-nonfinite", ARGUMENT_TEXT, AT(request.on_nonfinite), "stop|skip|rewind[:F]",
        .preset = "default stop", .values = &none_known,
        .help = "what a run does when its loss or a gradient is NaN or infinite, as of train"},
    {"ranks-per-run", ARGUMENT_INT, AT(request.ranks_per_run), "N", .low = 1, .high = 1 << 16,
        .preset = "default 1",
        .help = "under mpirun or srun: how many neighbouring ranks train a run together"},
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

// `added` is the text of --variants, which is cut up; or NULL.
static int sweep(sweep_values *v, char *added) {
    const char *variants[MOST_VARIANTS];
    if (added) {
        v->request.variant_count = variants_split(added, variants, COUNT(variants));
        if (v->request.variant_count < 0) return EXIT_USAGE;
        v->request.variants = variants;
    }
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    char *table = NULL;
    char *started_as = command_line();
    v->request.command = started_as;
    v->request.columns = terminal_columns(STDOUT_FILENO);
    sigmoe_status status = sigmoe_sweep(&v->request, &observer, &table);
    free(started_as);
    progress_close(&display);
    int shown = table ? print_comparison(v->request.out, table, v->output.json)
                      : EXIT_FINE; // even if all runs failed
    sigmoe_free(table);
    return status == SIGMOE_OK ? shown : report(status);
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
    if (v->request.resume && !arguments_given(given, "seeds")) v->request.seeds = 0; // the sweep's
    if (v->request.resume && !arguments_given(given, "sample-prompt")) v->request.sample_prompt = NULL;
    char *added = v->variants ? strdup(v->variants) : NULL;
    if (v->variants && !added) return complain(EXIT_FAILED, "out of memory");
    int status = sweep(v, added);
    free(added);
    return status;
}

static const help_entry files[] = {
    {"RUN/report.html", "everything on one page"},
    {"RUN/table.txt", "the table, as printed; also table.csv and table.json"},
    {"RUN/claims.csv", "the verdicts on the paper's claims"},
    {"RUN/runs", "the directories of the trainings, as of `sigmoe train`"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"sweep tab10-e8 --data data --out sweep --set d_model=64 --set n_layers=2 --set unroll=128 --batch 8 "
     "--steps 200 --lr 1e-3",
        "All of a table in minutes, by smaller models:"},
    {NULL, NULL},
};

const command command_sweep = {
    .name = "sweep",
    .summary = "train the rows of one of the paper's tables, or of a file; verdicts on its claims",
    .usage = "TABLE|FILE",
    .details = "A table's name ends in its base: tab10-wt-s. With @code behind it the base is as the public "
               "code's sweep has it. A file ends in .json: {\"base\": \"wt-s-moe\", \"rows\": [\"dense\", "
               "\"topk:k=64\"], \"set\": {}, \"seeds\": 3, \"settings\": {}, \"test_tokens\": N}; a row with "
               "fewer seeds than the others: {\"row\": \"2k\", \"seeds\": 1}.\n\n"
               "The training settings are the base's, here those of wt-s; --set and smaller settings make "
               "the same grid fit a small machine.",
    .list_title = "Tables",
    .list = &known_sweep_tables,
    .words = {&known_sweep_tables},
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0},
        {training_arguments, TRAINING_ARGUMENTS, AT(request.settings)},
        {cadence_arguments, CADENCE_ARGUMENTS, AT(checkpoint_every)},
        {output_arguments, OUTPUT_ARGUMENTS, AT(output)}, {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .files = files,
    .examples = examples,
    .positionals = 1,
    .leaves_files = true,
    .values_size = sizeof(sweep_values),
    .defaults = defaults,
    .run = run,
};
