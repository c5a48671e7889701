#include "compare/sweep_table.h"

#include "paper/tables.h"

#include <stdio.h>
#include <string.h>

// `name` without "@code"; *code tells whether it was there.
static bool cut_code(const char *name, char bare[TABLE_NAME_SIZE]) {
    snprintf(bare, TABLE_NAME_SIZE, "%s", name);
    char *at = strstr(bare, "@code");
    if (!at || at[strlen("@code")] != '\0') return false;
    *at = '\0';
    return true;
}

sigmoe_status sweep_base_read(const char *preset_name, arena *a, sweep_plan *out) {
    preset p;
    TRY(preset_named(preset_name, &p));
    if (p.variant != paper_variant_named("sigma-moe"))
        return fail(SIGMOE_BAD_ARGUMENT,
            "the base %s is no σ-MoE; rows are derived from one, such as wt-s-moe", preset_name);
    out->base = (sigmoe_config){.model = p.config, .settings = p.settings, .vocabulary_from_data = true};
    out->published_unit = p.paper < 0 ? "" : p.paper == BASE_E8 ? "bits/char" : "perplexity";
    out->base_name = arena_text(a, "%s", p.about.name);
    return out->base_name ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

// Top-K's fraction of N_E·G stays symbolic until the overrides are known: "topk/32".
static sigmoe_status add_line(const paper_table *table, const table_line *line, arena *a, sweep_plan *out) {
    const char *text = line->part > 0 ? arena_text(a, "%s/%d", line->variant, (int)line->part)
                                      : arena_text(a, "%s", line->variant);
    if (!text) return SIGMOE_NO_MEMORY;
    out->published[out->count] = table_line_score(table, line, out->base_name, &out->base.model.ff.moe);
    out->variants[out->count++] = text;
    return SIGMOE_OK;
}

sigmoe_status sweep_table_read(const char *name, arena *a, sweep_plan *out) {
    char bare[TABLE_NAME_SIZE], base_preset[TABLE_NAME_SIZE];
    table_line lines[MOST_TABLE_LINES];
    const paper_table *table;
    preset unused;
    bool code = cut_code(name, bare);
    TRY(paper_table_named(bare, &table));
    const char *base = preset_base_name(table->base);
    snprintf(base_preset, sizeof base_preset, "%s-moe%s", base, code ? "@code" : "");
    if (code && preset_named(base_preset, &unused) != SIGMOE_OK)
        return fail(SIGMOE_BAD_ARGUMENT,
            "on %s the public code's σ-MoE is the paper's; ask for %s, without @code", base, bare);
    TRY(sweep_base_read(base_preset, a, out));
    out->seeds = 1;
    int count = paper_table_lines(table, lines);
    TRY(ARENA_NEW(a, out->variants, count));
    TRY(ARENA_NEW(a, out->published, count));
    TRY(ARENA_NEW(a, out->row_seeds, count)); // all 0
    for (int i = 0; i < count; i++) TRY(add_line(table, &lines[i], a, out));
    return SIGMOE_OK;
}
