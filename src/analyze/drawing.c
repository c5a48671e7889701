#include "analyze/drawing.h"

#include <math.h>

static sigmoe_status draw(const analysis *a, plan *p) {
    if (p->map.cells) return heat_map_draw(a->arena, a->directory, &p->map, &p->f);
    return p->chart.count > 0 ? chart_draw(a->arena, a->directory, &p->chart, &p->f) : SIGMOE_OK;
}

sigmoe_status analysis_add_figure(analysis *a, const subject *s, plan *p) {
    char csv[LABEL_CAPACITY + 48];
    if (!p->f.name || !p->f.title || !p->f.caption) return SIGMOE_NO_MEMORY;
    snprintf(csv, sizeof csv, "%s.csv", p->f.name);
    TRY(progress_at(&a->drawing_meter, a->drawn));
    TRY(analysis_write(a, csv, p->print_csv, s));
    if (a->request->figures) TRY(draw(a, p));
    a->drawings[a->drawn++] = (drawing){p->section, p->f};
    return SIGMOE_OK;
}

chart analysis_chart(const analysis *a) {
    return (chart){.width = CHART_WIDTH,
        .height = CHART_HEIGHT,
        .x_decimals = -1,
        .baseline = NAN,
        .rows = a->styles,
        .row_count = a->count,
        .label_letters = chart_label_letters(a->names, a->count)};
}
