#include "plot/chart.h"

#include "plot/figure_text.h"
#include "plot/labels.h"

#include <stdlib.h>
#include <string.h>

// Letters and lines, in the units of a figure, as accurately as is needed to keep labels apart.
static const double LETTER = 7.7, LINE = 17, GAP = 9;

typedef struct canvas {
    arena *arena;
    const chart *c;
    figure_frame frame;
} canvas;

// ---------------------------------------------------------------- sizes

static int longest_of(const char *const *names, int count, int most) {
    int longest = 0;
    for (int i = 0; i < count; i++) {
        int letters = letter_count(names[i]);
        if (letters > longest) longest = letters;
    }
    return longest < most ? longest : most;
}

int chart_label_letters(const char *const *names, int count) {
    return longest_of(names, count, LONGEST_LABEL);
}

// Whether a baseline is so far from the data that it would squash them.
static bool is_far(double baseline, value_range data) {
    const double MOST = 0.6; // of their range
    double span = data.high - data.low;
    return baseline < data.low - MOST * span || baseline > data.high + MOST * span;
}

void chart_fit_y(chart *c, value_range data) {
    const double EDGE = 0.09; // of the range, for the mark of a baseline that is outside
    figure_frame frame;
    double baseline = c->baseline, span = data.high - data.low;
    if (is_far(baseline, data) && baseline < data.low) data.low -= EDGE * span;
    if (is_far(baseline, data) && baseline > data.high) data.high += EDGE * span;
    if (!is_far(baseline, data)) range_add(&data, baseline);
    range_to_y(data, &frame);
    c->y_low = frame.y_low;
    c->y_high = frame.y_high;
    c->y_decimals = frame.y_decimals;
}

static bool is_dot_plot(const chart *c) {
    return c->tics != NULL;
}

static figure_area area_of(const chart *c) {
    const double LEFT = 56, RIGHT = 16, TOP = 34, BOTTOM = 54;
    double left = c->log_y ? LEFT + 12 : LEFT;
    if (is_dot_plot(c)) left = 18 + LETTER * longest_of(c->tics, c->tic_count, LONGEST_TIC);
    double top = is_dot_plot(c) ? 8 : TOP,
           right = c->label_letters > 0 ? 18 + LETTER * c->label_letters : RIGHT;
    return (figure_area){left, c->width - right, top, c->height - BOTTOM};
}

static double share_of(double value, double low, double high, bool logarithmic) {
    if (logarithmic) return (log10(value) - log10(low)) / (log10(high) - log10(low));
    return (value - low) / (high - low);
}

static double to_x(const canvas *v, double x) {
    const figure_area *area = &v->frame.area;
    return area->left + share_of(x, v->c->x_low, v->c->x_high, false) * (area->right - area->left);
}

// From the figure's upper edge.
static double to_y(const canvas *v, double y) {
    const figure_area *area = &v->frame.area;
    return area->bottom - share_of(y, v->c->y_low, v->c->y_high, v->c->log_y) * (area->bottom - area->top);
}

// ---------------------------------------------------------------- data

static void print_number(FILE *out, double value) {
    if (isfinite(value))
        fprintf(out, " %.9g", value);
    else
        fputs(" NaN", out);
}

static void print_data(FILE *out, const void *context) {
    const canvas *v = context;
    for (int i = 0; i < v->c->count; i++) {
        fprintf(out, "$s%d << END\n", i);
        for (int j = 0; j < v->c->series[i].count; j++) {
            const chart_point *p = &v->c->series[i].points[j];
            const double numbers[] = {p->x, p->y, isnan(p->y_low) ? p->y : p->y_low,
                isnan(p->y_high) ? p->y : p->y_high, isnan(p->x_low) ? p->x : p->x_low,
                isnan(p->x_high) ? p->x : p->x_high};
            for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) print_number(out, numbers[k]);
            fputc('\n', out);
        }
        fputs("END\n", out);
    }
    fputs("$front << END\n", out);
    for (int i = 0; i < v->c->front_count; i++)
        fprintf(out, "%.9g %.9g\n", v->c->front[i].x, v->c->front[i].y);
    fputs("END\n", out);
}

// ---------------------------------------------------------------- labels

static int by_height(const void *a, const void *b) {
    double x = (*(point_label *const *)a)->y, y = (*(point_label *const *)b)->y;
    return (x < y) - (x > y);
}

// Beside the lines' ends, from the top: each as near to its line as those above it allow, and all of them in the figure.
static void spread_downwards(point_label **labels, int count, double bottom) {
    qsort(labels, (size_t)count, sizeof *labels, by_height);
    double next = bottom;
    for (int i = count - 1; i >= 0; i--) {
        labels[i]->height = fmax(labels[i]->y, next);
        next = labels[i]->height + LINE;
    }
}

static void print_end_labels(FILE *out, const canvas *v, point_label **sorted, point_label *labels) {
    const figure_area *area = &v->frame.area;
    int count = 0;
    for (int i = 0; i < v->c->count; i++) {
        const chart_series *s = &v->c->series[i];
        if (!s->labeled || s->count == 0) continue;
        double end = fmin(fmax(to_y(v, s->points[s->count - 1].y), area->top), area->bottom);
        labels[i] = (point_label){.y = v->frame.height - end};
        sorted[count++] = &labels[i];
    }
    spread_downwards(sorted, count, v->frame.height - area->bottom);
    for (int i = 0; i < v->c->count; i++)
        if (v->c->series[i].labeled && v->c->series[i].count > 0)
            figure_text(out, &v->frame, v->c->series[i].name, area->right + GAP,
                v->frame.height - labels[i].height, "left", LONGEST_LABEL,
                v->c->rows[v->c->series[i].row].light);
}

static point_label label_beside(const canvas *v, const chart_series *s) {
    int letters = letter_count(s->name);
    double width = LETTER * (letters < LONGEST_LABEL ? letters : LONGEST_LABEL);
    const chart_point *p = &s->points[0];
    // Above the point's height, where lines to its left and right do not cross it.
    point_label l = {.x = to_x(v, p->x), .y = v->frame.height - to_y(v, p->y) + LINE / 2};
    l.height = l.y;
    l.on_left = l.x + GAP + width > v->frame.area.right;
    l.left = l.on_left ? l.x - GAP - width : l.x + GAP;
    l.right = l.left + width;
    return l;
}

static void print_point_labels(FILE *out, const canvas *v, point_label **sorted, point_label *labels) {
    int count = 0;
    for (int i = 0; i < v->c->count; i++) {
        const chart_series *s = &v->c->series[i];
        if (!s->labeled || s->count == 0) continue;
        labels[i] = label_beside(v, s);
        sorted[count++] = &labels[i];
    }
    labels_spread(sorted, count, LINE);
    for (int i = 0; i < v->c->count; i++) {
        const point_label *l = &labels[i];
        if (v->c->series[i].labeled && v->c->series[i].count > 0)
            figure_text(out, &v->frame, v->c->series[i].name, l->on_left ? l->right : l->left,
                v->frame.height - l->height, l->on_left ? "right" : "left", LONGEST_LABEL,
                v->c->rows[v->c->series[i].row].light);
    }
}

// If memory for them runs out, the figure has no labels: the script's writer cannot fail halfway.
static void print_labels(FILE *out, const canvas *v) {
    point_label *labels = arena_take(v->arena, (size_t)v->c->count, sizeof *labels);
    point_label **sorted = arena_take(v->arena, (size_t)v->c->count, sizeof *sorted);
    if (!labels || !sorted) return;
    if (v->c->label_letters > 0)
        print_end_labels(out, v, sorted, labels);
    else
        print_point_labels(out, v, sorted, labels);
}

// ---------------------------------------------------------------- the baseline

static bool baseline_inside(const chart *c) {
    if (is_dot_plot(c)) return c->baseline >= c->x_low && c->baseline <= c->x_high;
    return c->baseline >= c->y_low && c->baseline <= c->y_high;
}

// Beyond the edge towards which its arrow points.
static void print_edge_mark(FILE *out, const canvas *v) {
    const chart *c = v->c;
    const figure_area *area = &v->frame.area;
    unsigned color = figure_colors[COLOR_BASELINE].light;
    bool above = c->baseline > (is_dot_plot(c) ? c->x_high : c->y_high);
    const char *text = is_dot_plot(c) ? arena_text(v->arena, above ? "%s →" : "← %s", c->baseline_name)
                                      : arena_text(v->arena, above ? "↑ %s" : "↓ %s", c->baseline_name);
    if (!text) return;
    if (is_dot_plot(c))
        figure_text(out, &v->frame, text, above ? area->right : area->left + 4, area->bottom - 10,
            above ? "right" : "left", LONGEST_NAME, color);
    else
        figure_text(out, &v->frame, text, area->right, above ? area->top + 9 : area->bottom - 12, "right",
            LONGEST_NAME, color);
}

static void print_baseline_name(FILE *out, const canvas *v) {
    const figure_area *area = &v->frame.area;
    unsigned color = figure_colors[COLOR_BASELINE].light;
    if (is_dot_plot(v->c)) {
        double x = to_x(v, v->c->baseline);
        bool left = x > (area->left + area->right) / 2;
        figure_text(out, &v->frame, v->c->baseline_name, x + (left ? -6 : 6), area->bottom - 10,
            left ? "right" : "left", LONGEST_NAME, color);
    } else {
        double y = to_y(v, v->c->baseline);
        bool right = v->c->log_y; // sorted shares fall to the right
        figure_text(out, &v->frame, v->c->baseline_name, right ? area->right - 4 : area->left + 8,
            y - 9 > area->top ? y - 9 : y + 10, right ? "right" : "left", LONGEST_NAME, color);
    }
}

static void print_baseline(FILE *out, const canvas *v) {
    const chart *c = v->c;
    if (isnan(c->baseline)) return;
    if (!baseline_inside(c)) {
        print_edge_mark(out, v);
        return;
    }
    print_baseline_name(out, v);
    fputs("set arrow from ", out);
    if (is_dot_plot(c))
        fprintf(out, "first %.9g, graph 0 to first %.9g, graph 1", c->baseline, c->baseline);
    else
        fprintf(out, "graph 0, first %.9g to graph 1, first %.9g", c->baseline, c->baseline);
    fprintf(out, " nohead lc rgb '#%06x' lw 1.4 dt 2 back\n", figure_colors[COLOR_BASELINE].light);
}

// ---------------------------------------------------------------- the plot

static void print_separator(FILE *out, bool *first) {
    fputs(*first ? "plot " : ", \\\n", out);
    *first = false;
}

static bool has_interval(const chart_series *s) {
    for (int i = 0; i < s->count; i++)
        if (isfinite(s->points[i].y_low) || isfinite(s->points[i].x_low)) return true;
    return false;
}

static void print_band(FILE *out, const canvas *v, int i, bool *first) {
    const chart_series *s = &v->c->series[i];
    if (s->look != LOOK_LINE || s->faint || s->count < 2 || !has_interval(s)) return;
    print_separator(out, first);
    fprintf(out,
        "$s%d using 1:3:4 with filledcurves fc rgb '#%06x' fs transparent solid 0.15 noborder notitle", i,
        v->c->rows[s->row].light);
}

static void print_line(FILE *out, const canvas *v, int i, bool *first) {
    const chart_series *s = &v->c->series[i];
    const row_style *style = &v->c->rows[s->row];
    print_separator(out, first);
    if (s->faint)
        fprintf(out, "$s%d using 1:2 with lines lc rgb '#%06x' lw 1 notitle", i, style->light);
    else // the marker is drawn a few times along the line
        fprintf(out, "$s%d using 1:2 with linespoints lc rgb '#%06x' lw 2.2 dt %d pt %d ps 0.7 pi %d notitle",
            i, style->light, style->dash, style->marker, s->count > 6 ? (s->count + 5) / 6 : 1);
}

static void print_points(FILE *out, const canvas *v, int i, bool *first) {
    const chart_series *s = &v->c->series[i];
    const row_style *style = &v->c->rows[s->row];
    print_separator(out, first);
    if (s->look == LOOK_DOTS) {
        fprintf(
            out, "$s%d using 1:2 with points lc rgb '#%06x' lw 1.2 pt 6 ps 0.55 notitle", i, style->light);
        return;
    }
    if (has_interval(s) && !s->faint) {
        fprintf(out, "$s%d using 1:2:5:6:3:4 with xyerrorbars lc rgb '#%06x' lw 1.8 pt 0 ps 0 notitle", i,
            style->light);
        print_separator(out, first);
    }
    fprintf(out, "$s%d using 1:2 with points lc rgb '#%06x' lw 1.6 pt %d ps 1.05 notitle", i, style->light,
        style->marker);
}

// 1, 2 or 5 times a power of ten: about four tics in the range.
static double tic_step(double range) {
    const double MOST_TICS = 5;
    double decade = pow(10, floor(log10(range / MOST_TICS)));
    for (int i = 0; i < 3; i++) {
        static const double parts[] = {1, 2, 5};
        if (range / (parts[i] * decade) <= MOST_TICS) return parts[i] * decade;
    }
    return 10 * decade;
}

static void print_axes(FILE *out, const canvas *v) {
    const chart *c = v->c;
    fputs("unset label\nunset arrow\nset bars 0\n", out);
    figure_axis_names(out, &v->frame, c->x_label, is_dot_plot(c) ? "" : c->y_label);
    if (c->x_decimals >= 0) fprintf(out, "set format x '%%.%df'\n", c->x_decimals);
    if (c->x_decimals == 0) fprintf(out, "set xtics %.9g\n", fmax(1, tic_step(c->x_high - c->x_low)));
    if (c->log_y) fputs("set logscale y 10\nset format y '%g'\n", out);
    if (!is_dot_plot(c)) return;
    fprintf(out, "set xtics %.9g\n", tic_step(c->x_high - c->x_low));
    fputs("set ytics (", out);
    for (int i = 0; i < c->tic_count; i++) {
        fputs(i ? ", " : "", out);
        figure_quoted(out, c->tics[i], LONGEST_TIC);
        fprintf(out, " %d", i);
    }
    fprintf(out, ") scale 0 textcolor rgb '#%06x'\nset grid xtics ytics\n", figure_colors[COLOR_INK].light);
}

static void print_plot(FILE *out, const void *context) {
    const canvas *v = context;
    bool first = true;
    print_axes(out, v);
    print_labels(out, v);
    print_baseline(out, v);
    for (int i = 0; i < v->c->count; i++) print_band(out, v, i, &first);
    if (v->c->front_count > 1) {
        print_separator(out, &first);
        fprintf(out, "$front using 1:2 with lines lc rgb '#%06x' lw 1.6 dt 3 notitle",
            figure_colors[COLOR_AXIS].light);
    }
    for (int i = 0; i < v->c->count; i++)
        if (v->c->series[i].count > 0)
            (v->c->series[i].look == LOOK_LINE ? print_line : print_points)(out, v, i, &first);
    fputs(first ? "plot NaN notitle\n" : "\n", out);
}

sigmoe_status chart_draw(arena *a, const char *directory, const chart *c, figure *f) {
    canvas v = {a, c,
        {.x_label = "",
            .y_label = "",
            .x_low = c->x_low,
            .x_high = c->x_high,
            .y_low = c->y_low,
            .y_high = c->y_high,
            .y_decimals = c->y_decimals,
            .width = c->width,
            .height = c->height,
            .area = area_of(c),
            .rows = c->rows,
            .row_count = c->row_count}};
    TRY(chart_values(a, c, &v.frame.area, &f->values));
    return figure_draw(a, directory, &v.frame, print_data, print_plot, &v, f);
}
