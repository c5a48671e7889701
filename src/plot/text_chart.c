#include "plot/text_chart.h"

#include "plot/figure.h"

#include "base/grouped.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 400, MOST_LINES = 100, DOTS_WIDE = 2, DOTS_HIGH = 4, LABEL = 40 };

// What stands in a character: its dots, and the series that was drawn last.
typedef struct cell {
    uint8_t dots;
    int series;
} cell;

typedef struct drawing {
    const text_chart *c;
    int left, columns, lines; // of the labels; of the plot
    int decimals;
    double tic; // between labels of the y axis
    cell cells[MOST_LINES][MOST_COLUMNS];
} drawing;

// ---------------------------------------------------------------- ranges and labels

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int64_t add_points(const text_series *s, double x_low, double *to) {
    int64_t count = 0;
    for (int64_t i = 0; i < s->count; i++)
        if (isfinite(s->y[i]) && s->x[i] >= x_low) to[count++] = s->y[i];
    return count;
}

// All but the highest hundredth of the points from a fortieth of the way on.
static bool range_of(const text_chart *c, double x_low, double *points, double *low, double *high) {
    int64_t count = 0;
    for (int i = 0; i < c->count; i++) count += add_points(&c->series[i], x_low, points + count);
    if (count == 0) return false;
    qsort(points, (size_t)count, sizeof *points, ascending);
    *low = points[0];
    *high = points[count - 1 - count / 100];
    return true;
}

bool text_chart_fit(text_chart *c) {
    int64_t all = 0;
    double low, high;
    for (int i = 0; i < c->count; i++) all += c->series[i].count;
    double *points = malloc((size_t)(all > 0 ? all : 1) * sizeof *points);
    if (!points) return false;
    bool found = range_of(c, c->x_low + (c->x_high - c->x_low) / 40, points, &low, &high) ||
                 range_of(c, c->x_low, points, &low, &high);
    free(points);
    if (!found) return false;
    double margin = fmax(0.04 * (high - low), 1e-3 * fmax(fabs(high), 1e-6));
    c->y_low = low - margin;
    c->y_high = high + margin;
    return true;
}

// 1, 2 or 5 times a power of ten, so that at most `most` of it fit into the span.
static double nice_tic(double span, int most) {
    double least_tic = span / (most > 1 ? most : 1), power = pow(10, floor(log10(least_tic)));
    static const double steps[] = {1, 2, 5, 10};
    for (int i = 0; i < 4; i++)
        if (steps[i] * power >= least_tic * (1 - 1e-9)) return steps[i] * power;
    return 10 * power;
}

static void choose_tics(drawing *d) {
    enum { LINES_APART = 2 };
    d->tic = nice_tic(d->c->y_high - d->c->y_low, d->lines / LINES_APART);
    double decimals = ceil(-log10(d->tic) - 1e-9);
    d->decimals = decimals < 0 ? 0 : decimals > 9 ? 9 : (int)decimals;
    char low[LABEL], high[LABEL];
    int a = snprintf(low, sizeof low, "%.*f", d->decimals, d->c->y_low),
        b = snprintf(high, sizeof high, "%.*f", d->decimals, d->c->y_high);
    d->left = a > b ? a : b;
    if (d->left > LABEL - 1) d->left = LABEL - 1;
}

// ---------------------------------------------------------------- dots

static void set_dot(drawing *d, int x, int y, int series) {
    static const uint8_t bits[DOTS_HIGH][DOTS_WIDE] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (x < 0 || y < 0 || x >= d->columns * DOTS_WIDE || y >= d->lines * DOTS_HIGH) return;
    cell *c = &d->cells[y / DOTS_HIGH][x / DOTS_WIDE];
    c->dots |= bits[y % DOTS_HIGH][x % DOTS_WIDE];
    c->series = series;
}

static int dot_of(double value, double low, double high, int dots) {
    double place = (value - low) / (high - low) * (dots - 1);
    return place < -1 ? -1 : place > dots ? dots : (int)lround(place);
}

static int x_dot(const drawing *d, double x) {
    return dot_of(x, d->c->x_low, d->c->x_high, d->columns * DOTS_WIDE);
}

static int y_dot(const drawing *d, double y) {
    int dots = d->lines * DOTS_HIGH;
    return dots - 1 - dot_of(y, d->c->y_low, d->c->y_high, dots);
}

// From one column of dots to a later one; upright parts belong to the nearer column.
static void draw_between(drawing *d, int x0, int y0, int x1, int y1, int series) {
    for (int x = x0; x <= x1; x++) {
        double from = x1 > x0 ? (x - 0.5 - x0) / (x1 - x0) : 0, to = x1 > x0 ? (x + 0.5 - x0) / (x1 - x0) : 1;
        int a = (int)lround(y0 + fmax(from, 0) * (y1 - y0)), b = (int)lround(y0 + fmin(to, 1) * (y1 - y0));
        for (int y = a < b ? a : b; y <= (a > b ? a : b); y++) set_dot(d, x, y, series);
    }
}

// Points of one column of dots count as their mean.
static void draw_series(drawing *d, int series) {
    const text_series *s = &d->c->series[series];
    int before_x = -1, before_y = 0;
    for (int64_t i = 0; i < s->count;) {
        int x = x_dot(d, s->x[i]), count = 0;
        double mean = 0;
        for (; i < s->count && x_dot(d, s->x[i]) == x; i++)
            if (isfinite(s->y[i])) mean += (s->y[i] - mean) / ++count;
        if (count == 0 || x < 0) continue;
        int y = y_dot(d, mean);
        if (before_x >= 0)
            draw_between(d, before_x, before_y, x, y, series);
        else
            set_dot(d, x, y, series);
        before_x = x;
        before_y = y;
    }
}

// ---------------------------------------------------------------- printing

void text_color_begin(FILE *out, bool color, int series, bool strong) {
    static const int colors[] = {36, 33, 35, 32, 34, 31};
    if (color) fprintf(out, "\x1b[%s%dm", strong ? "" : "2;", colors[series % 6] + (strong ? 60 : 0));
}

void text_color_end(FILE *out, bool color) {
    if (color) fputs("\x1b[0m", out);
}

static void print_cell(FILE *out, const drawing *d, const cell *c) {
    const text_series *s = &d->c->series[c->series];
    if (!c->dots) {
        putc(' ', out);
        return;
    }
    text_color_begin(out, d->c->color, s->color, s->strong);
    fprintf(out, "\xe2%c%c", 0xa0 + (c->dots >> 6), 0x80 + (c->dots & 0x3f)); // U+2800 + dots
    text_color_end(out, d->c->color);
}

// The label of a line in whose middle, or next to it, there is a tic; else "".
static void label_of(const drawing *d, int line, char label[LABEL]) {
    double each = (d->c->y_high - d->c->y_low) / d->lines, low = d->c->y_high - each * (line + 1);
    double tic = ceil(low / d->tic - 1e-9) * d->tic;
    *label = '\0';
    if (tic < low + each * (1 - 1e-9))
        snprintf(label, LABEL, "%.*f", d->decimals, fabs(tic) < 1e-12 ? 0 : tic);
}

// The line on which a series ends; -1: it has no name.
static int end_of(const drawing *d, const text_series *s) {
    int64_t last = s->count - 1;
    if (!s->name || last < 0) return -1;
    while (last > 0 && !isfinite(s->y[last])) last--;
    int at = y_dot(d, s->y[last]) / DOTS_HIGH;
    return at < 0 ? 0 : at;
}

// The name that stands on this line: of those not named yet, that of the series that ends highest, if it ends here or above, or
// if there are no more lines than names; -1: none.
static int name_at(const drawing *d, int line, bool *named) {
    int highest = -1, highest_at = 0, left = 0;
    for (int i = 0; i < d->c->count; i++) {
        int at = end_of(d, &d->c->series[i]);
        if (named[i] || at < 0) continue;
        left++;
        if (highest < 0 || at < highest_at) highest = i, highest_at = at;
    }
    if (highest < 0 || (highest_at > line && left < d->lines - line)) return -1;
    named[highest] = true;
    return highest;
}

static void print_line(FILE *out, const drawing *d, int line, int indent, bool *named) {
    char label[LABEL];
    label_of(d, line, label);
    fprintf(out, "%*s%*s %s", indent, "", d->left, label, *label ? "┤" : "│");
    int last = d->columns;
    int name = name_at(d, line, named);
    while (name < 0 && last > 0 && !d->cells[line][last - 1].dots) last--;
    for (int i = 0; i < last; i++) print_cell(out, d, &d->cells[line][i]);
    if (name >= 0) {
        const text_series *s = &d->c->series[name];
        putc(' ', out);
        text_color_begin(out, d->c->color, s->color, s->strong);
        fputs(s->name, out);
        text_color_end(out, d->c->color);
    }
    putc('\n', out);
}

// The axis and its numbers.
static void print_axis(FILE *out, const drawing *d, int indent) {
    enum { COLUMNS_APART = 12 };
    const text_chart *c = d->c;
    double tic = nice_tic(c->x_high - c->x_low, d->columns / COLUMNS_APART);
    char numbers[MOST_COLUMNS + LABEL + 1];
    memset(numbers, ' ', sizeof numbers);
    fprintf(out, "%*s%*s └", indent, "", d->left, "");
    int used = 0, next_free = 0, room = d->columns - 1 - (int)strlen(c->x_unit);
    for (int i = 0; i < d->columns; i++) {
        double low = c->x_low + (c->x_high - c->x_low) * i / d->columns,
               high = c->x_low + (c->x_high - c->x_low) * (i + 1) / d->columns;
        double at = ceil(low / tic - 1e-9) * tic;
        bool is_tic = at < high - 1e-9 * tic;
        fputs(is_tic ? "┴" : "─", out);
        const grouped_number number = grouped(llround(at));
        int length = (int)strlen(number.text);
        if (!is_tic || i < next_free || i + length > room) continue;
        memcpy(numbers + i, number.text, (size_t)length);
        used = i + length;
        next_free = used + 2;
    }
    fprintf(out, "\n%*s%*s  %.*s %s\n", indent, "", d->left, "", used, numbers, c->x_unit);
}

static int longest_name(const text_chart *c) {
    int longest = 0;
    for (int i = 0; i < c->count; i++) {
        int letters = c->series[i].name ? letter_count(c->series[i].name) : 0;
        if (letters > longest) longest = letters;
    }
    return longest;
}

static void draw_all(drawing *d) {
    for (int strong = 0; strong < 2; strong++)
        for (int i = 0; i < d->c->count; i++)
            if (d->c->series[i].strong == strong) draw_series(d, i);
}

void text_chart_print(FILE *out, const text_chart *c, int indent) {
    enum { AXIS_LINES = 2, BORDER = 2, GAP = 1 };
    drawing *d = calloc(1, sizeof *d);
    bool *named = calloc((size_t)(c->count > 0 ? c->count : 1), sizeof *named);
    int columns = c->columns < TEXT_CHART_LEAST_COLUMNS ? TEXT_CHART_LEAST_COLUMNS : c->columns,
        lines = c->lines < TEXT_CHART_LEAST_LINES ? TEXT_CHART_LEAST_LINES : c->lines;
    if (d && named && c->y_high > c->y_low && c->x_high > c->x_low) {
        int names = longest_name(c);
        d->c = c;
        d->lines = lines - AXIS_LINES < MOST_LINES ? lines - AXIS_LINES : MOST_LINES;
        choose_tics(d);
        d->columns = columns - indent - d->left - BORDER - (names > 0 ? names + GAP : 0);
        if (d->columns < 4) d->columns = 4;
        if (d->columns > MOST_COLUMNS) d->columns = MOST_COLUMNS;
        draw_all(d);
        for (int i = 0; i < d->lines; i++) print_line(out, d, i, indent, named);
        print_axis(out, d, indent);
    }
    free(named);
    free(d);
}
