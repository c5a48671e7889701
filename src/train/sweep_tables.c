// The paper's tables that come out of training, each on the bases that it has.
#include "train/sweep_plan.h"

#include "model/presets.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef struct table_line {
    const char *row;
    int64_t part; // Top-K: K is the base's N_E·G over this; 0: as the row has it
} table_line;

// K from 512 down to 128, and at WT-S to 64.
static const table_line top_k_wt_s[] = {
    {"dense", 0}, {"topk", 32}, {"topk", 16}, {"topk", 8}, {"topk", 4}, {0}};
static const table_line top_k_wt_b[] = {{"dense", 0}, {"topk", 32}, {"topk", 16}, {"topk", 8}, {0}};
static const table_line top_k_e8[] = {{"dense", 0}, {"topk", 16}, {"topk", 8}, {"topk", 4}, {0}};
static const table_line product_keys[] = {
    {"dense", 0}, {"pkm-softmax", 0}, {"pkm-relu", 0}, {"pkm-relu-init", 0}, {0}};
static const table_line all_product_keys[] = {{"dense", 0}, {"pkm-softmax-value", 0}, {"pkm-relu-value", 0},
    {"pkm-relu-init-value", 0}, {"pkm-softmax", 0}, {"pkm-relu", 0}, {"pkm-relu-init", 0}, {0}};
static const table_line mixture[] = {{"dense", 0}, {"sigma-moe", 0}, {0}};
static const table_line mixtures[] = {{"dense", 0}, {"sigma-moe", 0}, {"switch", 0}, {"s-base-k4", 0}, {0}};
static const table_line main_ablations[] = {{"dense", 0}, {"sigma-moe", 0}, {"standard-dropout", 0},
    {"softmax-renorm", 0}, {"softmax", 0}, {"standard-init", 0}, {"no-regularization", 0}, {"2k-half-g", 0},
    {"half-k-2g", 0}, {"quarter-k-4g", 0}, {"switch", 0}, {"switch-no-dropout", 0}, {"s-base-k4", 0},
    {"s-base", 0}, {0}};
static const table_line ablations[] = {{"dense", 0}, {"sigma-moe", 0}, {"standard-dropout", 0},
    {"softmax-renorm", 0}, {"softmax", 0}, {"standard-init", 0}, {"no-regularization", 0}, {"2k-half-g", 0},
    {"half-k-2g", 0}, {"quarter-k-4g", 0}, {"2ne-half-g", 0}, {"quarter-k", 0}, {"half-k", 0}, {"2k", 0},
    {"switch", 0}, {"switch-no-dropout", 0}, {"switch-k4", 0}, {"switch-k1", 0}, {"s-base-k4", 0},
    {"s-base", 0}, {0}};

typedef struct paper_table {
    const char *name, *summary;
    paper_base first, last;
    const table_line *lines;
    bool tab3; // σ-MoE's score is the preset's: the paper prints another one in Tab. 3 than in Tab. 10
} paper_table;

static const paper_table tables[] = {
    {"tab1", "Top-K against K", BASE_WT_S, BASE_WT_S, top_k_wt_s, false},
    {"tab1", "Top-K against K", BASE_WT_B, BASE_WT_B, top_k_wt_b, false},
    {"tab1", "Top-K against K", BASE_E8, BASE_E8, top_k_e8, false},
    {"tab2", "product-key memories of equal parameters", BASE_WT_S, BASE_E8, product_keys, false},
    {"tab3", "σ-MoE against dense", BASE_WT_S, BASE_E8, mixture, true},
    {"tab4", "the main ablations, Switch and S-BASE", BASE_WT_S, BASE_E8, main_ablations, false},
    {"tab5", "σ-MoE, Switch and S-BASE on larger text", BASE_C4_S, BASE_PES2O_B, mixtures, false},
    {"tab6", "product-key memories of equal parameters and of equal values", BASE_WT_S, BASE_E8,
        all_product_keys, false},
    {"tab10", "all ablations, Switch and S-BASE", BASE_WT_S, BASE_E8, ablations, false},
};
enum { TABLES = sizeof tables / sizeof *tables, MOST_LINES = 32, NAME_SIZE = 64 };

// Rows that the paper has no number for on a base are not of its table; those of Tab. 6 are known by name alone.
static bool has_line(const table_line *line, paper_base base) {
    const comparison_row *row = comparison_row_named(line->row);
    return row->published[base] > 0 || row->keeps_size;
}

static bool has_base(const paper_table *table, paper_base base) {
    int published = 0;
    if (base < table->first || base > table->last) return false;
    for (const table_line *line = table->lines; line->row; line++)
        published += comparison_row_named(line->row)->published[base] > 0;
    return published > 1; // more than dense
}

// Every table on every base that has it, made by whoever asks first and constant from then on.
typedef struct table_entry {
    const paper_table *table;
    paper_base base;
    char name[NAME_SIZE];
} table_entry;
static table_entry entries[TABLES * PAPER_BASES];
static const char *names[TABLES * PAPER_BASES];
static int entry_count;

static void list_tables(void) {
    for (int t = 0; t < TABLES; t++)
        for (int b = 0; b < PAPER_BASES; b++) {
            if (!has_base(&tables[t], (paper_base)b)) continue;
            table_entry *entry = &entries[entry_count];
            *entry = (table_entry){.table = &tables[t], .base = (paper_base)b};
            snprintf(entry->name, sizeof entry->name, "%s-%s", tables[t].name, preset_base_name(entry->base));
            names[entry_count++] = entry->name;
        }
}

// NULL past the end.
static const table_entry *entry_at(int index) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, list_tables);
    return index >= 0 && index < entry_count ? &entries[index] : NULL;
}

bool sigmoe_sweep_table_at(int index, sigmoe_sweep_table *out) {
    const table_entry *entry = entry_at(index);
    if (entry) *out = (sigmoe_sweep_table){.name = entry->name, .summary = entry->table->summary};
    return entry != NULL;
}

// NULL when unknown.
static const table_entry *find_table(const char *name) {
    int i = 0;
    const table_entry *entry;
    while ((entry = entry_at(i)) && strcmp(entry->name, name) != 0) i++;
    return entry;
}

static sigmoe_status unknown_table(const char *name) {
    return fail(SIGMOE_BAD_ARGUMENT, "there is no table \"%.80s\"%s", name,
        option_hint("", name, names, entry_count, "`sigmoe sweep --help` lists all; a file ends in .json")
            .text);
}

// `name` without "@code", which *code says.
static bool cut_code(const char *name, char bare[NAME_SIZE]) {
    snprintf(bare, NAME_SIZE, "%s", name);
    char *at = strstr(bare, "@code");
    if (!at || at[strlen("@code")] != '\0') return false;
    *at = '\0';
    return true;
}

sigmoe_status sweep_base_read(const char *preset_name, arena *a, sweep_plan *out) {
    preset p;
    TRY(preset_named(preset_name, &p));
    if (p.row != comparison_row_named("sigma-moe"))
        return fail(SIGMOE_BAD_ARGUMENT,
            "the base %s is no σ-MoE; rows are derived from one, such as wt-s-moe", preset_name);
    out->base = (sigmoe_config){.model = p.config, .settings = p.settings, .vocabulary_from_data = true};
    out->published_unit = p.paper < 0 ? "" : p.paper == BASE_E8 ? "bits/char" : "perplexity";
    out->base_name = arena_text(a, "%s", p.about.name);
    return out->base_name ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

// The paper's best K of Top-K on the base, as a part of N_E·G; its score is that one's alone.
static double top_k_score(const sweep_plan *plan, const table_line *line, paper_base base) {
    char name[NAME_SIZE];
    preset p;
    const moe_options *m = &plan->base.model.ff.moe;
    snprintf(name, sizeof name, "%s-topk", preset_base_name(base));
    if (preset_named(name, &p) != SIGMOE_OK) return NAN;
    return p.config.ff.topk.k * line->part == m->n_experts * m->expert_size ? p.about.published : NAN;
}

static double line_score(
    const sweep_plan *plan, const paper_table *table, const table_line *line, paper_base base) {
    preset p;
    const comparison_row *row = comparison_row_named(line->row);
    if (line->part > 0) return top_k_score(plan, line, base);
    bool sigma = strcmp(line->row, "sigma-moe") == 0;
    if (table->tab3 && sigma && preset_named(plan->base_name, &p) == SIGMOE_OK) return p.about.published;
    return row->published[base] > 0 ? row->published[base] : NAN;
}

// Top-K's part of N_E·G stays open until the overrides are known: "topk/32".
static sigmoe_status add_line(
    const paper_table *table, const table_line *line, paper_base base, arena *a, sweep_plan *out) {
    const char *text =
        line->part > 0 ? arena_text(a, "%s/%d", line->row, (int)line->part) : arena_text(a, "%s", line->row);
    if (!text) return SIGMOE_NO_MEMORY;
    out->published[out->count] = line_score(out, table, line, base);
    out->variants[out->count++] = text;
    return SIGMOE_OK;
}

sigmoe_status sweep_table_read(const char *name, arena *a, sweep_plan *out) {
    char bare[NAME_SIZE], base_preset[NAME_SIZE];
    bool code = cut_code(name, bare);
    preset unused;
    const table_entry *entry = find_table(bare);
    if (!entry) return unknown_table(name);
    const paper_table *table = entry->table;
    paper_base base = entry->base;
    snprintf(base_preset, sizeof base_preset, "%s-moe%s", preset_base_name(base), code ? "@code" : "");
    if (code && preset_named(base_preset, &unused) != SIGMOE_OK)
        return fail(SIGMOE_BAD_ARGUMENT,
            "on %s the public code's σ-MoE is the paper's; ask for %s, without @code", preset_base_name(base),
            bare);
    TRY(sweep_base_read(base_preset, a, out));
    out->seeds = 1;
    TRY(ARENA_NEW(a, out->variants, MOST_LINES));
    TRY(ARENA_NEW(a, out->published, MOST_LINES));
    TRY(ARENA_NEW(a, out->row_seeds, MOST_LINES)); // all 0
    for (const table_line *line = table->lines; line->row; line++)
        if (has_line(line, base)) TRY(add_line(table, line, base, a, out));
    return SIGMOE_OK;
}
