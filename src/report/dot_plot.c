#include "report/dot_plot.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 560, AROUND = 72, LINE = 24 };

// Rows with a score, the best first.
static int sort_rows(const figure_source *s, int *order) {
    int count = 0;
    for (int i = 0; i < s->c->plan->variant_count; i++) {
        double score = s->summaries[i].test.mean;
        if (!isfinite(score)) continue;
        int at = count++;
        for (; at > 0 && s->summaries[order[at - 1]].test.mean > score; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    return count;
}

// Single seeds as small circles, the mean with its bar over them.
static sigmoe_status add_row(const figure_source *s, int row, int line, value_range *x, chart *c) {
    const comparison_plan *p = s->c->plan;
    int seeds = p->variants[row].seeds;
    spread test = s->summaries[row].test;
    chart_series *dots = &c->series[c->count++], *mean;
    *dots = (chart_series){.name = s->names[row], .row = row, .look = LOOK_DOTS};
    TRY(ARENA_NEW(s->c->arena, dots->points, seeds));
    for (int i = 0; i < seeds && seeds > 1; i++) {
        double score = plan_score(p, &result_run(s->c, row, i)->test);
        if (!isfinite(score)) continue;
        dots->points[dots->count++] = chart_point_at(score, line);
        range_add(x, score);
    }
    mean = &c->series[c->count++];
    *mean = (chart_series){.name = s->names[row], .row = row, .look = LOOK_POINTS, .count = 1};
    TRY(ARENA_NEW(s->c->arena, mean->points, 1));
    *mean->points = chart_point_at(test.mean, line);
    mean->points->x_low = test.mean - test.deviation;
    mean->points->x_high = test.mean + test.deviation;
    range_add(x, test.mean);
    range_add(x, mean->points->x_low);
    range_add(x, mean->points->x_high);
    return SIGMOE_OK;
}

static sigmoe_status add_rows(const figure_source *s, chart *c) {
    const comparison_plan *p = s->c->plan;
    value_range x = range_empty();
    const char **tics;
    int *order;
    TRY(ARENA_NEW(s->c->arena, order, p->variant_count));
    TRY(ARENA_NEW(s->c->arena, tics, p->variant_count));
    TRY(ARENA_NEW(s->c->arena, c->series, 2 * p->variant_count));
    int rows = sort_rows(s, order);
    for (int i = 0; i < rows; i++) {
        tics[i] = s->names[order[i]];
        TRY(add_row(s, order[i], i, &x, c));
    }
    if (rows == 0) return SIGMOE_OK;
    chart_fit_y(c, x); // the scores are the x axis of a dot plot
    c->x_low = c->y_low;
    c->x_high = c->y_high;
    c->x_decimals = c->y_decimals;
    // One line more for the mark of an n-gram outside.
    bool outside = c->baseline < c->x_low || c->baseline > c->x_high;
    c->y_low = rows - 0.4 + outside;
    c->y_high = -0.6;
    c->tics = tics;
    c->tic_count = rows;
    c->height = AROUND + (rows + outside) * LINE;
    return SIGMOE_OK;
}

sigmoe_status plan_dot_plot(const figure_source *s, figure *f, chart *c) {
    f->name = "scores";
    f->title = "Test score of every row, the best first";
    f->caption = s->c->plan->seed_count > 1
                     ? "Filled: the mean, with ± the sample standard deviation over seeds as its bar; "
                       "rings: single seeds. Lower is better."
                     : "One seed for each row. Lower is better.";
    c->x_label = arena_text(s->c->arena, "test, %s", plan_unit(s->c->plan));
    if (!c->x_label) return SIGMOE_NO_MEMORY;
    c->width = WIDTH;
    TRY(baseline_of_ngram(s, &s->c->ngram.test, c));
    return add_rows(s, c);
}
