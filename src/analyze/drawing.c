#include "analyze/drawing.h"

#include <inttypes.h>
#include <math.h>

sigmoe_status analysis_add_figure(analysis *a, const subject *s, plan *p) {
    char csv[LABEL_CAPACITY + 48];
    if (!p->f.name || !p->f.title || !p->f.caption || !p->frame.y_label) return SIGMOE_NO_MEMORY;
    snprintf(csv, sizeof csv, "%s.csv", p->f.name);
    TRY(progress_at(&a->drawing_meter, a->drawn));
    TRY(analysis_write(a, csv, p->print_csv, s));
    if (a->request->figures)
        TRY(figure_draw(a->arena, a->directory, &p->frame, p->print_data, p->print_plot, s, &p->f));
    a->drawings[a->drawn++] = (drawing){p->section, p->f};
    return SIGMOE_OK;
}

void plot_separator(FILE *out, bool *first) {
    fputs(*first ? "plot " : ", \\\n", out);
    *first = false;
}

void plot_map_style(FILE *out, double highest, const char *label) {
    fprintf(out,
        "set palette defined (0 '#eef3f8', 0.5 '#4a90c2', 1 '#0b2f52')\nset cbrange [0:%.9g]\n"
        "unset grid\nunset key\nset format y '%%.0f'\nset format cb '%%g'\n"
        "set cbtics textcolor rgb '#%06x'\nset cblabel '%s' offset 1.5,0 textcolor rgb '#%06x'\n",
        highest > 0 ? highest : 1, figure_colors[COLOR_AXIS].light, label, figure_colors[COLOR_INK].light);
}

int64_t map_tic_step(int64_t cells) {
    int64_t step = 1;
    while (cells / step > 8) step *= 2;
    return step;
}

figure_frame map_frame(const char *x_label, const char *y_label, int64_t columns, int64_t rows) {
    return (figure_frame){.x_label = x_label,
        .y_label = y_label,
        .x_low = -0.5,
        .x_high = (double)columns - 0.5,
        .y_low = (double)rows - 0.5,
        .y_high = -0.5};
}
