// The figure of quality against cost: a labeled point for each variant or, if there are too many for labels, a marker and a
// key.
#include "report/scatter.h"

#include "report/labels.h"

#include <math.h>

enum { CIRCLE = 7 }; // gnuplot's point type

// Size of the plot area and the letters, in the units of a figure, as accurately as is needed to keep labels apart.
static const double AREA_WIDTH = 410, AREA_HEIGHT = 280, LETTER = 7.6, LINE = 17, GAP = 9;

static bool has_key(const comparison_result *c) {
    return c->plan->variant_count > FIGURE_MANY;
}

// The baseline is far from the variants: with many of them, it would squeeze their points together.
static bool has_baseline(const comparison_result *c) {
    return c->ngram.known && !has_key(c);
}

static double to_x(const figure_plot *p, double share) {
    return (100 * share - p->frame.x_low) / (p->frame.x_high - p->frame.x_low) * AREA_WIDTH;
}

static double to_y(const figure_plot *p, double score) {
    return (score - p->frame.y_low) / (p->frame.y_high - p->frame.y_low) * AREA_HEIGHT;
}

static double from_y(const figure_plot *p, double height) {
    return p->frame.y_low + height / AREA_HEIGHT * (p->frame.y_high - p->frame.y_low);
}

static point_label label_of(
    const comparison_result *c, const variant_summary *summaries, const figure_plot *p, int i) {
    double width = LETTER * letter_count(c->plan->variants[i].label);
    point_label l = {.x = to_x(p, c->plan->variants[i].flops_share), .y = to_y(p, summaries[i].test.mean)};
    l.height = l.y;
    l.on_left = l.x + GAP + width > AREA_WIDTH;
    l.left = l.on_left ? l.x - GAP - width : l.x + GAP;
    l.right = l.left + width;
    return l;
}

static void print_label(
    FILE *out, const comparison_result *c, const figure_plot *p, int i, const point_label *l) {
    fprintf(out, "set label '%s' at first %.9g,%.9g %s offset character %g,0 textcolor rgb '#%06x'\n",
        c->plan->variants[i].label, 100 * c->plan->variants[i].flops_share, from_y(p, l->height),
        l->on_left ? "right" : "left", l->on_left ? -1.1 : 1.1, series_color(i));
}

// If memory for them runs out, the figure has no labels: the script's writer cannot fail halfway.
static void print_labels(
    FILE *out, const comparison_result *c, const variant_summary *summaries, const figure_plot *p) {
    point_label *labels = arena_take(c->arena, (size_t)c->plan->variant_count, sizeof *labels);
    point_label **sorted = arena_take(c->arena, (size_t)c->plan->variant_count, sizeof *sorted);
    int count = 0;
    if (!labels || !sorted) return;
    for (int i = 0; i < c->plan->variant_count; i++) {
        if (isnan(summaries[i].test.mean)) continue;
        labels[i] = label_of(c, summaries, p, i);
        sorted[count++] = &labels[i];
    }
    labels_spread(sorted, count, LINE);
    for (int i = 0; i < c->plan->variant_count; i++)
        if (!isnan(summaries[i].test.mean)) print_label(out, c, p, i, &labels[i]);
}

static void print_points(FILE *out, const comparison_result *c, const variant_summary *summaries) {
    for (int i = 0; i < c->plan->variant_count; i++) {
        spread test = summaries[i].test;
        if (isnan(test.mean)) continue;
        fprintf(out, "$v%d << END\n%.9g %.9g %.9g\nEND\n", i, 100 * c->plan->variants[i].flops_share,
            test.mean, isnan(test.deviation) ? 0 : test.deviation);
    }
}

static void plot_points(
    FILE *out, const comparison_result *c, const variant_summary *summaries, const figure_plot *p) {
    const char *separator = "plot ";
    if (!has_key(c)) print_labels(out, c, summaries, p);
    for (int i = 0; i < c->plan->variant_count; i++) {
        if (isnan(summaries[i].test.mean)) continue;
        fprintf(out, "%s$v%d using 1:2:3 with yerrorbars lc rgb '#%06x' lw 1.6 pt %d ps 1 title '%s'",
            separator, i, series_color(i), has_key(c) ? series_marker(i) : CIRCLE,
            has_key(c) ? c->plan->variants[i].label : "");
        separator = ", \\\n";
    }
    if (has_baseline(c))
        fprintf(out, ", %.9g with lines lc rgb '#%06x' lw 1.6 dt 2 title 'order-%d n-gram'",
            plan_score(c->plan, &c->ngram.test), figure_colors[COLOR_BASELINE].light, c->ngram.order);
    fputc('\n', out);
}

sigmoe_status plan_score_by_flops(
    const comparison_result *c, const variant_summary *summaries, figure *f, figure_plot *plot) {
    value_range y = range_empty();
    double widest = 0;
    f->name = "quality-flops";
    f->title = "Test score against the multiply-adds of the feedforward block";
    f->caption = arena_text(c->arena, "Lower and further left is better.%s",
        c->plan->seed_count > 1 ? " Bars: sample standard deviation over seeds." : "");
    plot->frame.y_label = arena_text(c->arena, "test, %s", plan_unit(c->plan));
    if (!f->caption || !plot->frame.y_label) return SIGMOE_NO_MEMORY;
    for (int i = 0; i < c->plan->variant_count; i++) {
        double deviation = isnan(summaries[i].test.deviation) ? 0 : summaries[i].test.deviation;
        range_add(&y, summaries[i].test.mean - deviation);
        range_add(&y, summaries[i].test.mean + deviation);
        widest = fmax(widest, c->plan->variants[i].flops_share);
    }
    if (range_is_empty(&y)) return SIGMOE_OK;
    if (has_baseline(c)) range_add(&y, plan_score(c->plan, &c->ngram.test));
    range_to_y(y, &plot->frame);
    plot->frame.x_label = "FF multiply-adds, % of the dense block";
    plot->frame.x_high = 108 * widest;
    plan_key(c, has_key(c), has_baseline(c), plot);
    plot->print_data = print_points;
    plot->print_plot = plot_points;
    return SIGMOE_OK;
}
