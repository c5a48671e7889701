// A chart's numbers for the page's script.
#include "base/text_stream.h"
#include "plot/chart.h"
#include "plot/html.h"

#include <stdlib.h>

static void print_number(FILE *out, double value) {
    if (isfinite(value))
        fprintf(out, "%.7g", value);
    else
        fputs("null", out);
}

// [x, y], or [x, y, low, high] with a y interval, or all six numbers.
static void print_point(FILE *out, const chart_point *p) {
    const double numbers[] = {p->x, p->y, p->y_low, p->y_high, p->x_low, p->x_high};
    int count = isfinite(p->x_low) ? 6 : isfinite(p->y_low) ? 4 : 2;
    for (int i = 0; i < count; i++) {
        fputc(i ? ',' : '[', out);
        print_number(out, numbers[i]);
    }
    fputc(']', out);
}

static void print_series(FILE *out, const chart *c, const chart_series *s) {
    fputs("{\"name\":", out);
    json_string_print(out, s->name);
    fputs(",\"color\":", out);
    json_string_print(out, c->rows[s->row].property);
    fputs(",\"points\":[", out);
    for (int i = 0; i < s->count; i++) {
        if (i) fputc(',', out);
        print_point(out, &s->points[i]);
    }
    fputs("]}", out);
}

sigmoe_status chart_values(arena *a, const chart *c, const figure_area *area, const char **out) {
    text_stream built;
    TRY(text_stream_open(&built));
    FILE *text = built.out;
    fprintf(text,
        "{\"area\":[%.1f,%.1f,%.1f,%.1f],\"x\":[%.9g,%.9g],\"y\":[%.9g,%.9g],\"log\":%s,\"x_label\":",
        area->left, area->right, area->top, area->bottom, c->x_low, c->x_high, c->y_low, c->y_high,
        c->log_y ? "true" : "false");
    json_string_print(text, c->x_label);
    fputs(",\"y_label\":", text);
    json_string_print(text, c->tics ? "" : c->y_label);
    fputs(",\"series\":[", text);
    for (int i = 0; i < c->count; i++) {
        if (i) fputc(',', text);
        print_series(text, c, &c->series[i]);
    }
    fputs("]}", text);
    TRY(text_stream_close(&built));
    *out = arena_text(a, "%s", built.text);
    free(built.text);
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}
