#include "bench/cost_curves_figure.h"

#include "base/progress.h"
#include "base/text_stream.h"
#include "plot/figure.h"
#include "system/file.h"

#include <inttypes.h>

enum { COLOR_DENSE, COLOR_MOE };

typedef struct cost_plot {
    const cost_measurement *m;
    value_range y;
} cost_plot;

static int64_t varied(const cost_measurement *m, int point) {
    return m->curve->values[point];
}

// ---------------------------------------------------------------- figures

static void print_data(FILE *out, const void *context) {
    const cost_measurement *m = ((const cost_plot *)context)->m;
    fputs("$points << END\n", out);
    for (int i = 0; i < m->curve->points; i++) {
        const cost_point *p = &m->point[i];
        fprintf(out, "%" PRId64 " %.9g %.9g %.9g %.9g %.9g %.9g\n", varied(m, i), p->dense.milliseconds,
            p->moe.milliseconds, p->dense.roofline, p->moe.roofline, p->dense.bytes / 1e6,
            p->moe.bytes / 1e6);
    }
    fputs("END\n", out);
}

// Limits of the y axis and, if it is short, its ticks: rounder than any number between them.
static const double round_parts[] = {1, 2, 5, 10};
enum { ROUND_PARTS = 3 }; // per decade

static value_range rounded(value_range y) {
    double low = pow(10, floor(log10(y.low))), high = pow(10, floor(log10(y.high)));
    int i = ROUND_PARTS, j = 0;
    while (i > 0 && round_parts[i] * low > y.low) i--;
    while (j < ROUND_PARTS && round_parts[j] * high < y.high) j++;
    return (value_range){round_parts[i] * low, round_parts[j] * high};
}

// gnuplot labels only whole decades, of which a short range contains one or none.
static void print_y_ticks(FILE *out, value_range y) {
    if (y.high >= 100 * y.low) return;
    fputs("set ytics (", out);
    const char *comma = "";
    for (double decade = pow(10, floor(log10(y.low))); decade <= y.high; decade *= 10)
        for (int i = 0; i < ROUND_PARTS; i++, comma = ", ")
            fprintf(out, "%s%g", comma, round_parts[i] * decade);
    fputs(")\n", out);
}

static void print_axes(FILE *out, const cost_plot *p) {
    const cost_curve *curve = p->m->curve;
    fputs("set logscale x 2\nset logscale y 10\nset format y '%g'\nset xtics (", out);
    for (int i = 0; i < curve->points; i++) fprintf(out, "%s%" PRId64, i ? ", " : "", curve->values[i]);
    fputs(")\n", out);
    print_y_ticks(out, p->y);
}

static void print_measured(FILE *out, int column, int index, const char *title) {
    fprintf(out, "$points using 1:%d with linespoints lc rgb '#%06x' lw 2.2 pt %d ps 0.9 title '%s'", column,
        series_color(index), series_marker(index), title);
}

static void print_bound(FILE *out, int column, int index, const char *title) {
    fprintf(out, ", \\\n$points using 1:%d with lines lc rgb '#%06x' lw 1.6 dt 2 title '%s'", column,
        series_color(index), title);
}

static const char *const time_keys[] = {"dense", "σ-MoE", "dense, roofline", "σ-MoE, roofline"};

static void plot_time(FILE *out, const void *context) {
    print_axes(out, context);
    fputs("plot ", out);
    print_measured(out, 2, COLOR_DENSE, time_keys[0]);
    fputs(", \\\n", out);
    print_measured(out, 3, COLOR_MOE, time_keys[1]);
    print_bound(out, 4, COLOR_DENSE, time_keys[2]);
    print_bound(out, 5, COLOR_MOE, time_keys[3]);
    fputc('\n', out);
}

static void plot_memory(FILE *out, const void *context) {
    print_axes(out, context);
    fputs("plot ", out);
    print_measured(out, 6, COLOR_DENSE, time_keys[0]);
    fputs(", \\\n", out);
    print_measured(out, 7, COLOR_MOE, time_keys[1]);
    fputc('\n', out);
}

// Contains all points with a margin, on log scales.
static figure_frame frame_of(const cost_plot *p, const char *y_label, int keys) {
    const cost_measurement *m = p->m;
    figure_frame frame = {.x_label = m->curve->x_label,
        .y_label = y_label,
        .x_low = (double)varied(m, 0) / 1.15,
        .x_high = 1.15 * (double)varied(m, m->curve->points - 1),
        .y_low = p->y.low,
        .y_high = p->y.high};
    for (int i = 0; i < keys; i++) figure_key(&frame, time_keys[i]);
    return frame;
}

static void add_times(value_range *y, const layer_cost *c) {
    range_add(y, c->milliseconds);
    range_add(y, c->roofline);
}

static sigmoe_status draw(
    arena *a, const cost_measurement *m, const char *directory, const sigmoe_observer *observer) {
    progress_meter meter;
    value_range time = range_empty(), memory = range_empty();
    for (int i = 0; i < m->curve->points; i++) {
        add_times(&time, &m->point[i].dense);
        add_times(&time, &m->point[i].moe);
        range_add(&memory, m->point[i].dense.bytes / 1e6);
        range_add(&memory, m->point[i].moe.bytes / 1e6);
    }
    figure of_time = {.name = arena_text(a, "%s-time", m->curve->name), .title = "time"};
    figure of_memory = {.name = arena_text(a, "%s-memory", m->curve->name), .title = "memory"};
    if (!of_time.name || !of_memory.name) return SIGMOE_NO_MEMORY;
    progress_begin(&meter, observer, "draw", "figures", 0, 2);
    TRY(progress_at(&meter, 0));
    cost_plot plot = {m, rounded(time)};
    figure_frame frame = frame_of(&plot, "forward and backward, ms", 4);
    TRY(figure_draw(a, directory, &frame, print_data, plot_time, &plot, &of_time));
    TRY(progress_at(&meter, 1));
    plot.y = rounded(memory);
    frame = frame_of(&plot, "memory, MB", 2);
    TRY(figure_draw(a, directory, &frame, print_data, plot_memory, &plot, &of_memory));
    TRY(progress_at(&meter, 2));
    progress_end(&meter);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- CSV

static sigmoe_status print_csv(FILE *out, const void *context) {
    const cost_measurement *m = context;
    fputs("d_model,experts,expert_size,k,tokens,threads,dtype,isa,moe_ms,dense_ms,moe_roofline_ms,"
          "dense_roofline_ms,moe_bytes,dense_bytes,moe_gflops,dense_gflops,peak_gflops,bandwidth_gb_per_s\n",
        out);
    for (int i = 0; i < m->curve->points; i++) {
        const cost_point *p = &m->point[i];
        fprintf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%d,f32,%s",
            p->sizes.d_model, p->sizes.experts, p->sizes.expert_size, p->sizes.k, m->tokens, m->threads,
            m->isa);
        fprintf(out, ",%.6g,%.6g,%.6g,%.6g,%.0f,%.0f,%.6g,%.6g,%.6g,%.6g\n", p->moe.milliseconds,
            p->dense.milliseconds, p->moe.roofline, p->dense.roofline, p->moe.bytes, p->dense.bytes,
            p->moe.gflops, p->dense.gflops, m->peak_gflops, m->bandwidth);
    }
    return SIGMOE_OK;
}

sigmoe_status cost_write(arena *a, const cost_measurement *m, const char *directory, bool figures,
    const sigmoe_observer *observer) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/%s.csv", directory, m->curve->name));
    TRY(file_print(path, print_csv, m));
    return figures ? draw(a, m, directory, observer) : SIGMOE_OK;
}

// ---------------------------------------------------------------- text

// The widths of the table's columns, gaps included: x; time of dense, σ-MoE, their ratio; rooflines; memory.
enum { PARTS = 8, CELL = 32 };
static const int widths[PARTS] = {8, 10, 10, 8, 11, 10, 11, 10};

// Groups of columns are left out from the last on until the rest fits into `columns` (0: none is).
static int parts_shown(int columns) {
    static const int ends[] = {PARTS, 6, 4};
    for (int i = 0; i < 3; i++) {
        int width = 0;
        for (int j = 0; j < ends[i]; j++) width += widths[j];
        if (columns <= 0 || width <= columns) return ends[i];
    }
    return ends[2];
}

static void print_cells(FILE *out, const char *const *cells, int shown) {
    for (int i = 0; i < shown; i++) fprintf(out, "%*s%s", widths[i] - letter_count(cells[i]), "", cells[i]);
    fputc('\n', out);
}

static void print_point(FILE *out, const cost_measurement *m, int point, int shown) {
    char text[PARTS][CELL];
    const char *cells[PARTS];
    const cost_point *p = &m->point[point];
    const double numbers[PARTS] = {(double)varied(m, point), p->dense.milliseconds, p->moe.milliseconds,
        p->moe.milliseconds / p->dense.milliseconds, p->dense.roofline, p->moe.roofline, p->dense.bytes / 1e6,
        p->moe.bytes / 1e6};
    static const int digits[PARTS] = {0, 1, 1, 3, 1, 1, 1, 1};
    for (int i = 0; i < PARTS; i++) {
        snprintf(text[i], CELL, "%.*f", digits[i], numbers[i]);
        cells[i] = text[i];
    }
    print_cells(out, cells, shown);
}

sigmoe_status cost_table(const cost_measurement *m, int columns, char **out) {
    static const char *const above[PARTS] = {"", "ms", "ms", "", "roofline", "roofline", "MB", "MB"};
    static const char *const heading[PARTS] = {
        "x", "dense", "σ-MoE", "ratio", "dense", "σ-MoE", "dense", "σ-MoE"};
    text_stream table;
    int shown = parts_shown(columns);
    TRY(text_stream_open(&table));
    fprintf(table.out, "%s: one layer, forward and backward, %" PRId64 " token%s, %s\n", m->curve->name,
        m->tokens, plural(m->tokens), m->curve->summary);
    fprintf(table.out, "f32 on %s, %d %s: %.0f GFLOP/s at most, memory %.1f GB/s\n\n", m->isa, m->threads,
        m->threads == 1 ? "thread" : "threads", m->peak_gflops, m->bandwidth);
    print_cells(table.out, above, shown);
    print_cells(table.out, heading, shown);
    for (int i = 0; i < m->curve->points; i++) print_point(table.out, m, i, shown);
    TRY(text_stream_close(&table));
    *out = table.text;
    return SIGMOE_OK;
}
