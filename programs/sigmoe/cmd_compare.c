#include "command_line.h"
#include "commands.h"

#include "comparison_output.h"
#include "layout.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct compare_values {
    const char *base, *variants;
    text_list set;
    sigmoe_compare_request request;
    const char *checkpoint_every;
    output_options output;
    int threads;
} compare_values;

#define AT(member) offsetof(compare_values, member)

static const argument arguments[] = {
    {"data", ARGUMENT_TEXT, AT(request.data), "DIR", .required = true,
        .help = "what `sigmoe data prepare` made"},
    {"base", ARGUMENT_TEXT, AT(base), "PRESET|CONFIG", .required = true,
        .help = "the σ-MoE that sets the size: a preset, or a config.json",
        .values = &known_presets_or_files},
    {"variants", ARGUMENT_TEXT, AT(variants), "A,B:KEY=VALUE,...", .required = true,
        .help = "what to compare, see below", .values = &known_variants},
    {"out", ARGUMENT_TEXT, AT(request.out), "RUN", .required = true,
        .help = "directory for table, report and runs"},
    {"resume", ARGUMENT_FLAG, AT(request.resume),
        .help = "go on in RUN; finished runs are not trained again"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace RUN when it exists, if sigmoe made it"},
    {"set", ARGUMENT_REPEATED, AT(set), "KEY=VALUE",
        .help = "change the base, see `sigmoe help config`; may be repeated", .values = &known_config_keys},
    {"seeds", ARGUMENT_INT, AT(request.seeds), "N", .low = 1, .high = 1000, .help = "runs of each variant"},
    {"test-tokens", ARGUMENT_INTEGER, AT(request.test_tokens), "N", .low = 0, .high = 1e15,
        .help = "score the final models on this many tokens of each split, 0: all"},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use",
        .help = "threads to compute with; the result does not depend on it"},
};

static void defaults(void *values) {
    compare_values *v = values;
    sigmoe_config *config;
    // The numbers that do not depend on the base; the others are filled in later.
    if (sigmoe_preset_count() > 0 && sigmoe_config_from_preset("demo", &config) == SIGMOE_OK) {
        sigmoe_compare_defaults(config, &v->request);
        sigmoe_config_free(config);
    }
}

// A path contains a slash, ends in .json or exists; anything else is a preset's name.
static int build_base(const compare_values *v, sigmoe_config **config) {
    size_t length = strlen(v->base);
    bool is_file = strchr(v->base, '/') || (length > 5 && strcmp(v->base + length - 5, ".json") == 0) ||
                   access(v->base, F_OK) == 0;
    config_source source = {.set = v->set};
    if (is_file)
        source.config = v->base;
    else
        source.preset = v->base;
    return config_build(&source, config);
}

// Splits `text` at commas, in place. Returns the number of variants, or -1 after printing an error.
static int split_variants(char *text, const char **variants, int most) {
    int count = 0;
    for (char *word = text, *next; word; word = next) {
        next = strchr(word, ',');
        if (next) *next++ = 0;
        if (!*word) {
            complain(EXIT_USAGE, "--variants has an empty name between commas");
            return -1;
        }
        if (count == most) {
            complain(EXIT_USAGE, "--variants has more than %d names", most);
            return -1;
        }
        variants[count++] = word;
    }
    return count;
}

static int compare(
    const parsed_arguments *given, compare_values *v, const sigmoe_config *base, char *variant_text) {
    const char *variants[64];
    sigmoe_compare_defaults(base, &v->request);
    arguments_fill(given, v); // arguments override the base's settings
    int failed = checkpoint_cadence(
        v->checkpoint_every, &v->request.settings.checkpoint_every, &v->request.checkpoint_seconds);
    if (failed != EXIT_FINE) return failed;
    v->request.base = base;
    v->request.base_name = v->base;
    v->request.variant_count = split_variants(variant_text, variants, COUNT(variants));
    if (v->request.variant_count < 0) return EXIT_USAGE;
    v->request.variants = variants;
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    char *table = NULL;
    char *started_as = command_line();
    v->request.command = started_as;
    v->request.columns = terminal_columns(STDOUT_FILENO);
    sigmoe_status status = sigmoe_compare(&v->request, &observer, &table);
    free(started_as);
    progress_close(&display);
    int shown = table ? print_comparison(v->request.out, table, v->output.json)
                      : EXIT_FINE; // even if all runs failed
    sigmoe_free(table);
    return status == SIGMOE_OK ? shown : report(status);
}

static int run(const parsed_arguments *given, void *values) {
    compare_values *v = values;
    if (v->request.resume && v->request.force)
        return complain(
            EXIT_USAGE, "--resume goes on with what is there and --force throws it away: choose one");
    sigmoe_config *base;
    int status = build_base(v, &base);
    if (status != EXIT_FINE) return status;
    char *variant_text = strdup(v->variants);
    status = variant_text ? compare(given, v, base, variant_text) : complain(EXIT_FAILED, "out of memory");
    free(variant_text);
    sigmoe_config_free(base);
    return status;
}

static const help_entry files[] = {
    {"RUN/report.html", "everything on one page"},
    {"RUN/table.txt", "the table, as printed; also table.csv and table.json"},
    {"RUN/runs", "the directories of the trainings, as of `sigmoe train`"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"compare --data data --base demo --variants dense,topk,sigma-moe --seeds 3 --out comparison",
        "Three blocks at equal parameters, three seeds each:"},
    {"compare --data data --base demo --variants dense,topk:k=64,sigma-moe:k=2 --out sparser",
        "With options of variants:"},
    {NULL, NULL},
};

const command command_compare = {
    .name = "compare",
    .summary = "train variants of equal size on the same batches; table, plots, report",
    .usage = "",
    .details = "Each variant's size is solved so that its parameters equal the base's. Ctrl-C "
               "stops, and --resume goes on. The defaults of the training settings "
               "are those of --base demo;\n"
               "another base brings its own.",
    .groups = {{arguments, COUNT(arguments), 0},
        {training_arguments, TRAINING_ARGUMENTS, AT(request.settings)},
        {cadence_arguments, CADENCE_ARGUMENTS, AT(checkpoint_every)},
        {output_arguments, OUTPUT_ARGUMENTS, AT(output)}},
    .files = files,
    .examples = examples,
    .leaves_files = true,
    .values_size = sizeof(compare_values),
    .defaults = defaults,
    .list_title = "Variants; options follow with colons, as in topk:k=64 or switch:expert_size=512:k=2",
    .list = &known_variants,
    .run = run,
};
