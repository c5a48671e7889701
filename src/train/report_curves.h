// What each figure shows: its data, axes and words.
#pragma once

#include "train/report_figures.h"

typedef struct figure_plot figure_plot;
struct figure_plot {
    figure_frame frame;
    // Data blocks, and the plot command with its labels. NULL: nothing to draw.
    void (*print_data)(FILE *out, const comparison *c, const table_row *rows);
    void (*print_plot)(FILE *out, const comparison *c, const table_row *rows, const figure_plot *p);
};

// Fills name, title and caption of *f (texts in the comparison's arena) and *plot.
typedef sigmoe_status plan_figure(const comparison *c, const table_row *rows, figure *f, figure_plot *plot);
plan_figure plan_score_by_steps, plan_score_by_seconds, plan_score_by_flops, plan_training_loss;

// Counts the key's entries: all variants, and the n-gram.
void plan_key(const comparison *c, bool variants, bool ngram, figure_plot *plot);
