#include "plan/scaling_figure.h"

#include "plot/figure.h"
#include "system/file.h"

#include <inttypes.h>
#include <string.h>

typedef struct scaling_plot {
    const planned_training *training;
    const scaling *scaling;
    scaling_kind kind;
} scaling_plot;

// ---------------------------------------------------------------- series

enum { MOST_SERIES = MOST_MODELS * SCHEMES };

// ZeRO-1 and the scheme that it divides the optimizer of are so alike that its line is dashed, for the other to show.
typedef struct series {
    const scaling_point *points; // [SCALING_POINTS]
    bool dashed;
    char name[64];
} series;

// Those of which more than one node is possible.
static int list_series(const scaling_plot *p, series out[MOST_SERIES]) {
    int count = 0;
    for (int model = 0; model < p->training->model_count; model++)
        for (scheme s = 0; s < SCHEMES; s++) {
            const scaling_point *points = p->scaling->points[p->kind][model][s];
            if (*points[1].problem) continue;
            out[count].points = points;
            out[count].dashed = s == SCHEME_ZERO || s == SCHEME_EXPERT_ZERO;
            snprintf(out[count].name, sizeof out[count].name, "%s, %s",
                p->training->models[model].variant->name, scheme_name(s));
            count++;
        }
    return count;
}

// ---------------------------------------------------------------- gnuplot

static double y_of(scaling_kind kind, const scaling_point *p) {
    return kind == SCALING_WEAK ? 100 * p->efficiency : p->speedup;
}

static void print_data(FILE *out, const void *context) {
    const scaling_plot *p = context;
    series all[MOST_SERIES];
    int count = list_series(p, all);
    for (int i = 0; i < count; i++) {
        fprintf(out, "$series%d << END\n", i);
        for (int j = 0; j < SCALING_POINTS; j++)
            if (!*all[i].points[j].problem)
                fprintf(out, "%" PRId64 " %.9g\n", all[i].points[j].ranks, y_of(p->kind, &all[i].points[j]));
        fputs("END\n", out);
    }
}

static void print_axes(FILE *out, scaling_kind kind) {
    fputs("set logscale x 2\nset format y '%g'\nset xtics (", out);
    for (int i = 0; i < SCALING_POINTS; i += 2) fprintf(out, "%s%d", i ? ", " : "", 1 << i);
    fputs(")\n", out);
    if (kind == SCALING_STRONG) fputs("set logscale y 2\n", out);
}

static void print_lines(FILE *out, const void *context) {
    const scaling_plot *p = context;
    series all[MOST_SERIES];
    int count = list_series(p, all);
    print_axes(out, p->kind);
    fputs("plot ", out);
    for (int i = 0; i < count; i++)
        fprintf(out,
            "%s$series%d using 1:2 with linespoints lc rgb '#%06x' lw 2 dt %d pt %d ps 0.8 title '%s'",
            i ? ", \\\n" : "", i, series_color(i), all[i].dashed ? 2 : 1, series_marker(i), all[i].name);
    fputs("\n", out);
}

// ---------------------------------------------------------------- frames

static figure_frame frame_of(const scaling_plot *p) {
    series all[MOST_SERIES];
    int count = list_series(p, all);
    value_range y = range_empty();
    for (int i = 0; i < count; i++)
        for (int j = 0; j < SCALING_POINTS; j++) range_add(&y, y_of(p->kind, &all[i].points[j]));
    bool weak = p->kind == SCALING_WEAK;
    figure_frame frame = {.x_label = "nodes",
        .y_label = weak ? "speed of each node, % of one alone" : "times as fast as one node",
        .x_low = 0.9,
        .x_high = 1.1 * (1 << (SCALING_POINTS - 1)),
        .y_low = weak ? 0 : y.low / 1.2,
        .y_high = weak ? fmax(105, 1.05 * y.high) : 1.2 * y.high};
    for (int i = 0; i < count; i++) figure_key(&frame, all[i].name);
    return frame;
}

static sigmoe_status draw(arena *a, const scaling_plot *p, const char *directory) {
    series all[MOST_SERIES];
    const char *name = arena_text(a, "%s-scaling", scaling_name(p->kind));
    if (!name) return SIGMOE_NO_MEMORY;
    if (list_series(p, all) == 0) return SIGMOE_OK;
    figure f = {.name = name, .title = p->kind == SCALING_WEAK ? "weak scaling" : "strong scaling"};
    figure_frame frame = frame_of(p);
    return figure_draw(a, directory, &frame, print_data, print_lines, p, &f);
}

// ---------------------------------------------------------------- CSV

static void print_point(
    FILE *out, scaling_kind kind, const model_config *model, scheme s, const scaling_point *p) {
    const step_estimate *e = &p->estimate;
    if (*p->problem) return;
    fprintf(out, "%s,%s,%s,%" PRId64 ",%" PRId64, scaling_name(kind), model->variant->name, scheme_name(s),
        p->ranks, p->batch);
    fprintf(out, ",%.6g,%.6g,%.6g,%.6g,%.0f,%.0f,%.6g,%.6g\n", e->seconds, e->compute, e->update,
        e->communication, e->memory_bytes, e->traffic_bytes, p->speedup, p->efficiency);
}

static sigmoe_status print_csv(FILE *out, const void *context) {
    const scaling_plot *p = context;
    fputs("scaling,model,scheme,nodes,batch,seconds,compute_s,update_s,communication_s,memory_bytes,"
          "traffic_bytes,speedup,efficiency\n",
        out);
    for (scaling_kind kind = 0; kind < SCALING_KINDS; kind++)
        for (int model = 0; model < p->training->model_count; model++)
            for (scheme s = 0; s < SCHEMES; s++)
                for (int i = 0; i < SCALING_POINTS; i++)
                    print_point(
                        out, kind, &p->training->models[model], s, &p->scaling->points[kind][model][s][i]);
    return SIGMOE_OK;
}

sigmoe_status scaling_write(
    arena *a, const planned_training *t, const scaling *s, const char *directory, bool figures) {
    char path[PATH_CAPACITY];
    scaling_plot p = {.training = t, .scaling = s};
    TRY(path_format(path, "%s/scaling.csv", directory));
    TRY(file_print(path, print_csv, &p));
    for (p.kind = 0; figures && p.kind < SCALING_KINDS; p.kind++) TRY(draw(a, &p, directory));
    return SIGMOE_OK;
}
