// What the figures of a report have in common.
#pragma once

#include "compare/summary.h"
#include "plot/chart.h"

// What they are drawn from. Texts and numbers live in the comparison's arena.
typedef struct figure_source {
    const comparison_result *c;
    const variant_summary *summaries; // [variants]
    const char **names;               // [variants]
    row_style *styles;                // [variants]
    const char *ngram;                // its name: "order-3 n-gram"
    bool files;                       // they become files, too
} figure_source;
sigmoe_status figure_source_make(
    const comparison_result *c, const variant_summary *summaries, bool files, figure_source *out);

// Whether there are too many rows for a name beside each of their lines and points.
bool rows_are_many(const comparison_result *c);
// mean ± deviation; NaN where the deviation is unknown.
chart_point point_with_spread(double x, spread y);

// Makes the n-gram's score, where it has one, the baseline of a chart.
sigmoe_status baseline_of_ngram(const figure_source *s, const sigmoe_scores *scores, chart *c);

// Each fills in name, title and caption of *f, and the chart; a chart without series is not drawn.
typedef sigmoe_status plan_chart(const figure_source *s, figure *f, chart *c);
