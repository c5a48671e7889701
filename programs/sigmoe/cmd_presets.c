#include "commands.h"

#include "columns.h"
#include "json_output.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct presets_values {
    bool json;
} presets_values;

static const argument arguments[] = {
    {"json", ARGUMENT_FLAG, offsetof(presets_values, json), .help = "print a JSON list"},
};

// The presets that were asked for.
typedef struct preset_list {
    sigmoe_preset *presets;
    int count;
} preset_list;

// A pattern of the shell is for the whole name; anything else may be a part of it.
static bool matches(const char *pattern, const char *name) {
    return strpbrk(pattern, "*?[") ? fnmatch(pattern, name, 0) == 0 : strstr(name, pattern) != NULL;
}

static int complain_pattern(const char *pattern, const preset_list *all) {
    const char **names = calloc((size_t)all->count + 1, sizeof *names);
    if (!names) return complain(EXIT_FAILED, "out of memory");
    for (int i = 0; i < all->count; i++) names[i] = all->presets[i].name;
    const char *nearest = sigmoe_nearest(pattern, names, all->count);
    free(names);
    if (!nearest) return complain(EXIT_USAGE, "no preset matches `%s`; `sigmoe presets` lists them", pattern);
    return complain(
        EXIT_USAGE, "no preset matches `%s`; did you mean %s? `sigmoe presets` lists them", pattern, nearest);
}

// `pattern` may be NULL. Leaves those that match.
static int select_presets(preset_list *list, const char *pattern) {
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        int status = report(sigmoe_preset_at(i, &list->presets[i]));
        if (status != EXIT_FINE) return status;
    }
    for (int i = 0; pattern && i < list->count; i++) kept += matches(pattern, list->presets[i].name);
    if (pattern && kept == 0) return complain_pattern(pattern, list);
    kept = 0;
    for (int i = 0; i < list->count; i++)
        if (!pattern || matches(pattern, list->presets[i].name)) list->presets[kept++] = list->presets[i];
    list->count = kept;
    return EXIT_FINE;
}

static void print_object(json_output *j, const sigmoe_preset *p) {
    emit_open(j, NULL, '{');
    emit_string(j, "name", p->name);
    emit_string(j, "summary", p->summary);
    emit_string(j, "base", p->base);
    emit_string(j, "form", p->code ? "code" : "printed");
    emit_number(j, "parameters", (double)p->parameters);
    emit_number(j, "ff_flops_share", p->ff_flops_share);
    emit_string(j, "data", p->data);
    emit_number(j, "published", p->published);
    emit_string(j, "source", p->source);
    emit_close(j, '}');
}

static void print_json(const preset_list *list) {
    json_output j = {0};
    emit_open(&j, NULL, '[');
    for (int i = 0; i < list->count; i++) print_object(&j, &list->presets[i]);
    emit_close(&j, ']');
}

enum { CELLS = 6, CELL = 64 };

typedef struct preset_row {
    const char *cell[CELLS];
    char parameters[CELL], share[CELL], published[CELL], text[512];
} preset_row;

static void fill_row(const sigmoe_preset *p, preset_row *row) {
    snprintf(row->parameters, CELL, "%" PRId64, p->parameters);
    snprintf(row->share, CELL, "%.2f", 100 * p->ff_flops_share);
    snprintf(row->published, CELL, isfinite(p->published) ? "%.2f" : "-", p->published);
    snprintf(row->text, sizeof row->text, "%s%s%s%s", p->summary, *p->source ? " (" : "", p->source,
        *p->source ? ")" : "");
    const char *const cells[CELLS] = {
        p->name, p->base, row->parameters, row->share, row->published, row->text};
    memcpy(row->cell, cells, sizeof cells);
}

static void print_text(const preset_list *list) {
    column parts[CELLS] = {{.heading = "name"}, {"base", .goes = 1}, {"parameters", .right = true, .goes = 3},
        {"FF FLOPs %", .right = true, .goes = 2}, {"paper", .right = true},
        {"what it is, and where in the paper", .prose = true}};
    columns table = {.columns = parts, .count = CELLS};
    preset_row row;
    for (int i = 0; i < list->count; i++) {
        fill_row(&list->presets[i], &row);
        columns_measure(&table, row.cell);
    }
    columns_begin(&table);
    for (int i = 0; i < list->count; i++) {
        fill_row(&list->presets[i], &row);
        columns_print(&table, row.cell);
    }
}

static int run(const parsed_arguments *given, void *values) {
    presets_values *v = values;
    preset_list list = {.count = sigmoe_preset_count()};
    list.presets = calloc((size_t)list.count + 1, sizeof *list.presets);
    if (!list.presets) return complain(EXIT_FAILED, "out of memory");
    int status = select_presets(&list, given->positional_count ? given->positionals[0] : NULL);
    if (status == EXIT_FINE && v->json)
        print_json(&list);
    else if (status == EXIT_FINE)
        print_text(&list);
    free(list.presets);
    return status;
}

static const help_entry examples[] = {
    {"presets moe", "Those with `moe` in their names:"},
    {"presets 'wt-s-*' --json", "Those of the smaller model on WikiText-103, for a script:"},
    {NULL, NULL},
};

const command command_presets = {
    .name = "presets",
    .summary = "list the configurations that come with the program",
    .usage = "[PATTERN]",
    .details =
        "PATTERN is a part of the names, or with * or ? a pattern for the whole name.\n\n"
        "FF FLOPs: multiply-adds of a feedforward block over those of a dense block with the base's N_E·G "
        "channels, routers apart. paper: its score (perplexity; e8: bits per character). @code: as the "
        "public code's sweep has it, where that differs from the printed paper.",
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}},
    .examples = examples,
    .positionals = 1,
    .words = {&known_presets},
    .values_size = sizeof(presets_values),
    .run = run,
};
