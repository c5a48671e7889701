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

typedef struct compare_values {
    const char *base, *variants;
    text_list set;
    sigmoe_compare_request request;
    const char *checkpoint_every, *lr_grid;
    bool plan;
    output_options output;
    int threads;
} compare_values;

#define AT(member) offsetof(compare_values, member)

#define NEW "required for a new comparison"

static const argument arguments[] = {
    {"data", ARGUMENT_TEXT, AT(request.data), "DIR", .preset = NEW,
        .help = "what `sigmoe data prepare` made"},
    {"base", ARGUMENT_TEXT, AT(base), "PRESET|CONFIG", .preset = NEW,
        .help = "the σ-MoE that sets the size: a preset, or a config.json",
        .values = &known_presets_or_files},
    {"variants", ARGUMENT_TEXT, AT(variants), "A,B:KEY=VALUE,...", .preset = NEW,
        .help = "what to compare, see below; with --resume, +A,B adds rows", .values = &known_variants},
    {"out", ARGUMENT_TEXT, AT(request.out), "RUN", .required = true,
        .help = "directory for table, report and runs"},
    {"resume", ARGUMENT_FLAG, AT(request.resume),
        .help = "go on in RUN with all that it was begun with; more --seeds, more --variants and other "
                "--steps are possible, and finished runs are not trained again"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace RUN when it exists, if sigmoe made it"},
    {"verify", ARGUMENT_FLAG, AT(request.verify),
        .help = "read all data first and compare them with their sums, also what was read before"},
    {"set", ARGUMENT_REPEATED, AT(set), "KEY=VALUE",
        .help = "change the base, see `sigmoe help config`; may be repeated", .values = &known_config_keys},
    {"seeds", ARGUMENT_INT, AT(request.seeds), "N", .low = 1, .high = 1000,
        .help = "runs of each variant; a verdict needs 3"},
    {"until-decided", ARGUMENT_FLAG, AT(request.until_decided),
        .help = "add one seed after another until every pair with a leading row is decided"},
    {"max-seeds", ARGUMENT_INT, AT(request.max_seeds), "N", .low = 3, .high = 1000,
        .help = "stop --until-decided at this many"},
    {"margin", ARGUMENT_NUMBER, AT(request.margin), "X", .low = 0, .high = 0.5,
        .help = "rows whose scores differ by less than this fraction are equal"},
    {"lr-grid", ARGUMENT_TEXT, AT(lr_grid), "A,B,...", .preset = "default: --lr for all",
        .values = &none_known,
        .help = "learning rates: each row gets its own best by validation score, from the first seed"},
    {"plan", ARGUMENT_FLAG, AT(plan),
        .help = "train nothing; say what is done and left, and what more seeds could show"},
    {"test-tokens", ARGUMENT_INTEGER, AT(request.test_tokens), "N", .low = 0, .high = 1e15,
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

// Reads the rates of --lr-grid. Returns their number, or -1 after printing an error.
static int read_rates(const char *text, double *rates, int most) {
    int count = 0;
    for (const char *at = text; at && *at;) {
        char *end;
        if (count == most) return complain(EXIT_USAGE, "--lr-grid has more than %d learning rates", most), -1;
        rates[count++] = strtod(at, &end);
        if (end == at || (*end && *end != ',') || (*end && !end[1]))
            return complain(EXIT_USAGE,
                       "--lr-grid must be numbers with commas between them, as in 1e-3,5e-4, not `%s`", text),
                   -1;
        at = *end ? end + 1 : end;
    }
    return count;
}

// What a new comparison cannot do without.
static int check_new(const compare_values *v) {
    const struct {
        const char *name, *value;
    } needed[] = {
        {"data DIR", v->request.data}, {"base PRESET|CONFIG", v->base}, {"variants A,B,...", v->variants}};
    for (int i = 0; i < COUNT(needed); i++)
        if (!needed[i].value)
            return complain(
                EXIT_USAGE, "compare needs --%s, or --resume to go on with a comparison", needed[i].name);
    if (v->variants[0] == '+')
        return complain(
            EXIT_USAGE, "--variants +NAME adds rows to a comparison that is there: with --resume");
    return EXIT_FINE;
}

// The names, for the library, of what was given of the numbers that a comparison has.
static void name_given(const parsed_arguments *given, given_settings *out, const char **names, int *count) {
    static const char *const more[][2] = {
        {"test-tokens", "test_tokens"}, {"margin", "margin"}, {"sample-prompt", "sample_prompt"}};
    training_given(given, out);
    for (*count = 0; *count < out->count; ++*count) names[*count] = out->names[*count];
    for (int i = 0; i < COUNT(more); i++)
        if (arguments_given(given, more[i][0])) names[(*count)++] = more[i][1];
}

static int plan(const compare_values *v, const sigmoe_observer *observer) {
    char *text = NULL;
    if (v->output.json) return complain(EXIT_USAGE, "--plan prints text; leave out --json");
    sigmoe_status status = sigmoe_compare_plan(&v->request, observer, &text);
    if (text) fputs(text, stdout);
    sigmoe_free(text);
    return report(status);
}

static int train_and_print(compare_values *v, const sigmoe_observer *observer, progress_display *display) {
    char *table = NULL, *started_as = command_line();
    v->request.command = started_as;
    v->request.columns = terminal_columns(STDOUT_FILENO);
    sigmoe_status status = sigmoe_compare(&v->request, observer, &table);
    free(started_as);
    progress_close(display);
    int shown = table ? print_comparison(v->request.out, table, v->output.json)
                      : EXIT_FINE; // even if all runs failed
    sigmoe_free(table);
    return status == SIGMOE_OK ? shown : report(status);
}

enum { MOST_RATES = 16 };

// `base` may be NULL, like `variant_text`: the comparison's own.
static int compare(
    const parsed_arguments *given, compare_values *v, const sigmoe_config *base, char *variant_text) {
    const char *variants[MOST_VARIANTS], *names[GIVEN_SETTINGS + 3];
    double rates[MOST_RATES];
    given_settings settings;
    sigmoe_compare_request *r = &v->request;
    bool resume = r->resume;
    if (base) sigmoe_compare_defaults(base, r);
    if (resume) r->seeds = 0; // the comparison's
    arguments_fill(given, v); // arguments override the base's settings
    r->resume = resume;
    int failed =
        checkpoint_cadence(v->checkpoint_every, &r->settings.checkpoint_every, &r->checkpoint_seconds);
    if (failed != EXIT_FINE) return failed;
    name_given(given, &settings, names, &r->given_count);
    r->given = names;
    r->base = base;
    r->base_name = v->base;
    r->lr_count = read_rates(v->lr_grid, rates, MOST_RATES);
    if (r->lr_count < 0) return EXIT_USAGE;
    r->lr_grid = rates;
    if (variant_text) {
        r->add_variants = *variant_text == '+';
        r->variant_count = variants_split(variant_text, variants, COUNT(variants));
        if (r->variant_count < 0) return EXIT_USAGE;
        r->variants = variants;
    }
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    if (!v->plan) return train_and_print(v, &observer, &display);
    int status = plan(v, &observer);
    progress_close(&display);
    return status;
}

static int run(const parsed_arguments *given, void *values) {
    compare_values *v = values;
    sigmoe_config *base = NULL;
    if (v->plan) v->request.resume = true; // of what is there, if it is
    if (v->request.resume && v->request.force)
        return complain(
            EXIT_USAGE, "--resume goes on with what is there and --force throws it away: choose one");
    int status = v->request.resume ? EXIT_FINE : check_new(v);
    if (status == EXIT_FINE && v->base) status = build_base(v, &base);
    if (status != EXIT_FINE) return status;
    char *variant_text = v->variants ? strdup(v->variants) : NULL;
    if (v->variants && !variant_text)
        status = complain(EXIT_FAILED, "out of memory");
    else
        status = compare(given, v, base, variant_text);
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
    {"compare --resume --seeds 5 --variants +switch --out comparison", "Two more seeds, and one more row:"},
    {"compare --resume --plan --out comparison", "Whether more seeds would settle anything:"},
    {"compare --data data --base demo --variants dense,topk:k=64,sigma-moe:k=2 --out sparser",
        "With options of variants:"},
    {NULL, NULL},
};

const command command_compare = {
    .name = "compare",
    .summary = "train variants of equal size on the same batches; table, plots, report",
    .usage = "(--data DIR --base BASE --variants LIST | --resume)",
    .details = "Each variant's size is solved so that its parameters equal the base's. Ctrl-C "
               "stops, and --resume goes on. The defaults of the training settings "
               "are those of --base demo;\n"
               "another base brings its own.",
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0},
        {training_arguments, TRAINING_ARGUMENTS, AT(request.settings)},
        {cadence_arguments, CADENCE_ARGUMENTS, AT(checkpoint_every)},
        {output_arguments, OUTPUT_ARGUMENTS, AT(output)}, {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .files = files,
    .examples = examples,
    .leaves_files = true,
    .values_size = sizeof(compare_values),
    .defaults = defaults,
    .list_title = "Variants; options follow with colons, as in topk:k=64 or switch:expert_size=512:k=2",
    .list = &known_variants,
    .run = run,
};
