#include "plot/heat_map.h"

#include "base/text_stream.h"
#include "plot/figure_text.h"
#include "plot/html.h"

#include <inttypes.h>
#include <stdlib.h>

enum { WIDTH = 560, MOST_BOXES = 600, MOST_VALUES = 8000 };

typedef struct canvas {
    const heat_map *map;
    figure_frame frame;
} canvas;

// ---------------------------------------------------------------- sizes

static figure_frame frame_of(const heat_map *m) {
    const double LEFT = 50, RIGHT = 84, TOP = 34, BOTTOM = 54, LEAST = 60, MOST = 300, CELL = 26;
    double height = fmin(fmax(CELL * (double)m->rows, LEAST), MOST), width = WIDTH - LEFT - RIGHT;
    if (m->square) width = height = fmin(fmax(CELL * (double)m->rows, 3 * LEAST), MOST);
    return (figure_frame){.x_label = "",
        .y_label = "",
        .x_low = -0.5,
        .x_high = (double)m->columns - 0.5,
        .y_low = (double)m->rows - 0.5,
        .y_high = -0.5,
        .width = (int)(LEFT + width + RIGHT),
        .height = (int)(TOP + height + BOTTOM),
        .area = {LEFT, LEFT + width, TOP, TOP + height}};
}

// Cells between two tics of an axis with this many cells: a handful of tics, all on whole cells. 1, 2, 4, 10, 20, 40, ...: round
// numbers where a cell is 25 steps.
static int64_t tic_step(int64_t cells) {
    for (int64_t decade = 1;; decade *= 10)
        for (int64_t part = 1; part <= 4; part *= 2)
            if (cells / (part * decade) <= 8) return part * decade;
}

// ---------------------------------------------------------------- script

static void print_data(FILE *out, const void *context) {
    const heat_map *m = ((const canvas *)context)->map;
    fputs("$map << END\n", out);
    for (int64_t i = 0; i < m->rows; i++) {
        for (int64_t j = 0; j < m->columns; j++) fprintf(out, "%.6g ", m->cells[i * m->columns + j]);
        fputc('\n', out);
    }
    fputs("END\n", out);
}

static void print_palette(FILE *out, const canvas *v) {
    const figure_area *area = &v->frame.area;
    fputs("set palette defined (", out);
    for (int i = 0; i < HEAT_COLORS; i++) fprintf(out, "%s%d '#%06x'", i ? ", " : "", i, heat_color(i, 0));
    fprintf(out, ") maxcolors %d\nset cbrange [0:%.9g]\nset format cb '%%.3g'\n", HEAT_COLORS,
        v->map->highest > 0 ? v->map->highest : 1);
    fprintf(out,
        "set colorbox user origin screen %.5f,%.5f size screen %.5f,%.5f noborder\nset cbtics scale 0.3 "
        "textcolor rgb '#%06x'\n",
        (area->right + 16) / v->frame.width, 1 - area->bottom / v->frame.height, 12.0 / v->frame.width,
        (area->bottom - area->top) / v->frame.height, figure_colors[COLOR_AXIS].light);
    if (area->bottom - area->top < 150)
        fprintf(out, "set cbtics %.9g\n", v->map->highest > 0 ? v->map->highest / 2 : 1);
}

static void print_x_tics(FILE *out, const heat_map *m) {
    int64_t step = tic_step(m->columns);
    if (!m->x_values) {
        fprintf(out, "set xtics 0,%" PRId64 "\n", step);
        return;
    }
    fputs("set xtics (", out);
    for (int64_t j = 0; j < m->columns; j += step)
        fprintf(out, "%s'%" PRId64 "' %" PRId64, j ? ", " : "", m->x_values[j], j);
    fputs(")\n", out);
}

// Small maps are drawn as boxes, sharp at any size; large ones as an image, which must have at least two rows.
static void print_plot(FILE *out, const void *context) {
    const canvas *v = context;
    const heat_map *m = v->map;
    bool boxes = m->rows == 1 || m->columns == 1 || m->columns * m->rows <= MOST_BOXES;
    fputs("unset label\nunset grid\nset format y '%.0f'\n", out);
    figure_axis_names(out, &v->frame, m->x_label, m->y_label);
    figure_text(out, &v->frame, m->label, v->frame.width - 6, 13, "right", LONGEST_NAME,
        figure_colors[COLOR_INK].light);
    print_palette(out, v);
    print_x_tics(out, m);
    fprintf(out, "set ytics 0,%" PRId64 "\nplot $map matrix %s notitle\n", tic_step(m->rows),
        boxes ? "using 1:2:(0.5):(0.5):3 with boxxyerror fs solid noborder lc palette" : "with image");
}

// ---------------------------------------------------------------- values

static void print_values(FILE *out, const canvas *v) {
    const heat_map *m = v->map;
    const figure_area *area = &v->frame.area;
    fprintf(out, "{\"area\":[%.1f,%.1f,%.1f,%.1f],\"x_label\":", area->left, area->right, area->top,
        area->bottom);
    json_string_print(out, m->x_label);
    fputs(",\"y_label\":", out);
    json_string_print(out, m->y_label);
    fputs(",\"label\":", out);
    json_string_print(out, m->label);
    if (m->x_values) fputs(",\"columns\":[", out);
    for (int64_t j = 0; m->x_values && j < m->columns; j++)
        fprintf(out, "%s%" PRId64, j ? "," : "", m->x_values[j]);
    fputs(m->x_values ? "],\"cells\":[" : ",\"cells\":[", out);
    for (int64_t i = 0; i < m->rows; i++) {
        fputs(i ? ",[" : "[", out);
        for (int64_t j = 0; j < m->columns; j++)
            fprintf(out, "%s%.4g", j ? "," : "", m->cells[i * m->columns + j]);
        fputc(']', out);
    }
    fputs("]}", out);
}

static sigmoe_status make_values(arena *a, const canvas *v, const char **out) {
    text_stream built;
    if (v->map->rows * v->map->columns > MOST_VALUES) return SIGMOE_OK;
    TRY(text_stream_open(&built));
    print_values(built.out, v);
    TRY(text_stream_close(&built));
    *out = arena_text(a, "%s", built.text);
    free(built.text);
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

sigmoe_status heat_map_draw(arena *a, const char *directory, const heat_map *m, figure *f) {
    const canvas v = {m, frame_of(m)};
    TRY(make_values(a, &v, &f->values));
    return figure_draw(a, directory, &v.frame, print_data, print_plot, &v, f);
}
