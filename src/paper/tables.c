#include "paper/tables.h"

#include "base/option.h"
#include "base/status.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

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

struct table_contents {
    const char *name, *summary;
    paper_base first, last;
    const table_line *lines;
    bool tab3; // σ-MoE's score is the preset's: the paper prints another one in Tab. 3 than in Tab. 10
};

static const table_contents tables[] = {
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
enum { TABLES = sizeof tables / sizeof *tables };

// A table has only rows with a number in the paper for the base; those of Tab. 6 are included regardless.
static bool has_line(const table_line *line, paper_base base) {
    const paper_variant *variant = paper_variant_named(line->variant);
    return variant->published[base] > 0 || variant->keeps_size;
}

static bool has_base(const table_contents *table, paper_base base) {
    int published = 0;
    if (base < table->first || base > table->last) return false;
    for (const table_line *line = table->lines; line->variant; line++)
        published += paper_variant_named(line->variant)->published[base] > 0;
    return published > 1; // more than dense
}

// Every table on each of its bases, built on first use and constant from then on.
static paper_table entries[TABLES * PAPER_BASES];
static const char *names[TABLES * PAPER_BASES];
static int entry_count;

static void list_tables(void) {
    for (int t = 0; t < TABLES; t++)
        for (int b = 0; b < PAPER_BASES; b++) {
            if (!has_base(&tables[t], (paper_base)b)) continue;
            paper_table *entry = &entries[entry_count];
            *entry =
                (paper_table){.summary = tables[t].summary, .contents = &tables[t], .base = (paper_base)b};
            snprintf(entry->name, sizeof entry->name, "%s-%s", tables[t].name, preset_base_name(entry->base));
            names[entry_count++] = entry->name;
        }
}

const paper_table *paper_table_at(int index) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, list_tables);
    return index >= 0 && index < entry_count ? &entries[index] : NULL;
}

sigmoe_status paper_table_named(const char *name, const paper_table **out) {
    int i = 0;
    while ((*out = paper_table_at(i)) && strcmp((*out)->name, name) != 0) i++;
    if (*out) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT, "there is no table \"%.80s\"%s", name,
        option_hint("", name, names, entry_count, "`sigmoe_sweep_table_at` lists all; a file ends in .json")
            .text);
}

int paper_table_lines(const paper_table *t, table_line lines[MOST_TABLE_LINES]) {
    int count = 0;
    for (const table_line *line = t->contents->lines; line->variant; line++)
        if (has_line(line, t->base)) lines[count++] = *line;
    return count;
}

// K is N_E·G / line->part; only the paper's best K of Top-K on the base has a published score.
static double top_k_score(const paper_table *t, const table_line *line, const moe_options *m) {
    char name[TABLE_NAME_SIZE];
    preset p;
    snprintf(name, sizeof name, "%s-topk", preset_base_name(t->base));
    if (preset_named(name, &p) != SIGMOE_OK) return NAN;
    return p.config.ff.topk.k * line->part == m->n_experts * m->expert_size ? p.about.published : NAN;
}

double table_line_score(
    const paper_table *t, const table_line *line, const char *preset_name, const moe_options *base) {
    preset p;
    const paper_variant *variant = paper_variant_named(line->variant);
    if (line->part > 0) return top_k_score(t, line, base);
    bool sigma = strcmp(line->variant, "sigma-moe") == 0;
    if (t->contents->tab3 && sigma && preset_named(preset_name, &p) == SIGMOE_OK) return p.about.published;
    return variant->published[t->base] > 0 ? variant->published[t->base] : NAN;
}
