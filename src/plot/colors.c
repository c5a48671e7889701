#include "plot/colors.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// The palette of Okabe and Ito without yellow, darkened or lightened until each colour stands out from the background. Beyond
// eight lines, dashes distinguish them; markers always do.
const figure_color figure_colors[FIGURE_COLORS] = {
    [COLOR_INK] = {"--ink", 0x1c2024, 0xe8eaed},
    [COLOR_AXIS] = {"--axis", 0x5f656c, 0x9aa1a9},
    [COLOR_GRID] = {"--grid", 0xdfe2e6, 0x363b42},
    [COLOR_PAPER] = {"--paper", 0xfffffe, 0x16191d},
    [COLOR_BASELINE] = {"--baseline", 0x5c6269, 0xb3b9c0},
    [COLOR_SERIES + 0] = {"--series-0", 0x0072b2, 0x56b4e9},
    [COLOR_SERIES + 1] = {"--series-1", 0xc44e00, 0xf2884b},
    [COLOR_SERIES + 2] = {"--series-2", 0x00845f, 0x2fc79b},
    [COLOR_SERIES + 3] = {"--series-3", 0xa8437f, 0xe59bc8},
    [COLOR_SERIES + 4] = {"--series-4", 0x8a6400, 0xe0b13c},
    [COLOR_SERIES + 5] = {"--series-5", 0x4b3fb5, 0xa9a2f5},
    [COLOR_SERIES + 6] = {"--series-6", 0x9b1c2e, 0xf07f8c},
    [COLOR_SERIES + 7] = {"--series-7", 0x3f464d, 0xc9ced4},
};

unsigned series_color(int index) {
    return figure_colors[COLOR_SERIES + index % SERIES_COLORS].light;
}

int series_dash(int index) {
    return 1 + index / SERIES_COLORS;
}

int series_marker(int index) {
    static const int points[] = {7, 5, 9, 11, 13, 6, 4, 8, 10, 12};
    return points[index % (int)(sizeof points / sizeof *points)];
}

row_style series_style(int index) {
    const figure_color *color = &figure_colors[COLOR_SERIES + index % SERIES_COLORS];
    row_style style = {.light = color->light,
        .dark = color->dark,
        .dash = series_dash(index),
        .marker = series_marker(index)};
    snprintf(style.property, sizeof style.property, "%s", color->property);
    return style;
}

// ---------------------------------------------------------------- the colours of variants

typedef enum hue { BLUE, GOLD, PURPLE, GREEN, TEAL, OLIVE, VERMILION, INDIGO, RED, SLATE, HUES } hue;

// Light and dark are the colours of each hue's first row, on a light and on a dark page.
static const struct {
    unsigned light, dark;
    int marker;
} hues[HUES] = {[BLUE] = {0x0072b2, 0x56b4e9, 7},
    [GOLD] = {0xa87400, 0xe6b93e, 9},
    [PURPLE] = {0xa8437f, 0xe59bc8, 13},
    [GREEN] = {0x00845f, 0x2fc79b, 5},
    [TEAL] = {0x0b7f8c, 0x4fc3d0, 4},
    [OLIVE] = {0x5f7a12, 0xa9c24a, 8},
    [VERMILION] = {0xc44e00, 0xf2884b, 11},
    [INDIGO] = {0x4b3fb5, 0xa9a2f5, 15},
    [RED] = {0x9b1c2e, 0xf07f8c, 12},
    [SLATE] = {0x3f464d, 0xc9ced4, 10}};

// Variants of one kind share a hue and differ in its shade.
static const struct {
    const char *name;
    hue hue;
    int shade;
} known[] = {{"dense", BLUE, 0}, {"topk", GOLD, 0}, {"pkm-relu", PURPLE, 0}, {"pkm-softmax", PURPLE, 1},
    {"pkm-relu-init", PURPLE, 2}, {"pkm-relu-value", PURPLE, 3}, {"pkm-softmax-value", PURPLE, 4},
    {"pkm-relu-init-value", PURPLE, 5}, {"sigma-moe", GREEN, 0}, {"standard-dropout", TEAL, 0},
    {"softmax-renorm", TEAL, 1}, {"softmax", TEAL, 2}, {"standard-init", TEAL, 3},
    {"no-regularization", TEAL, 4}, {"2k", OLIVE, 0}, {"half-k", OLIVE, 1}, {"quarter-k", OLIVE, 2},
    {"2k-half-g", OLIVE, 3}, {"half-k-2g", OLIVE, 4}, {"quarter-k-4g", OLIVE, 5}, {"2ne-half-g", OLIVE, 6},
    {"switch", VERMILION, 0}, {"switch-no-dropout", VERMILION, 1}, {"switch-k4", VERMILION, 2},
    {"switch-k1", VERMILION, 3}, {"s-base", INDIGO, 0}, {"s-base-k4", INDIGO, 1}, {"noisy-topk", RED, 0},
    {"hash", SLATE, 0}, {"random", SLATE, 2}};
enum { KNOWN = sizeof known / sizeof *known };

static hue hue_of(const char *name, int *shade) {
    unsigned sum = 0;
    *shade = 0;
    for (int i = 0; i < KNOWN; i++)
        if (strcmp(known[i].name, name) == 0) {
            *shade = known[i].shade;
            return known[i].hue;
        }
    for (const char *letter = name; *letter; letter++) sum = 31 * sum + (unsigned char)*letter;
    return (hue)(sum % HUES);
}

static unsigned mixed(unsigned color, unsigned with, double part) {
    unsigned out = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        double own = color >> shift & 0xff, other = with >> shift & 0xff;
        out |= (unsigned)lround(own + part * (other - own)) << shift;
    }
    return out;
}

// Shades alternate between deeper and paler, and stay readable on the page.
static unsigned shaded(unsigned color, int shade) {
    double part = 0.13 * ((shade + 1) / 2);
    return mixed(color, shade % 2 ? 0x000000 : 0xffffff, fmin(part, 0.42));
}

static bool is_taken(unsigned light, const row_style *rows, int count) {
    for (int i = 0; i < COLOR_SERIES; i++)
        if (figure_colors[i].light == light) return true;
    for (int i = 0; i < count; i++)
        if (rows[i].light == light) return true;
    return false;
}

// The marker that comes `steps` behind one of gnuplot's.
static int marker_after(int marker, int steps) {
    static const int all[] = {5, 7, 9, 11, 13, 15, 4, 6, 8, 10, 12, 14};
    enum { ALL = sizeof all / sizeof *all };
    int at = 0;
    while (at < ALL - 1 && all[at] != marker) at++;
    return all[(at + steps) % ALL];
}

void row_styles_fill(const char *const *names, int count, row_style *out) {
    for (int i = 0; i < count; i++) {
        int shade, before = 0;
        hue h = hue_of(names[i], &shade);
        for (int j = 0; j < i; j++) before += strcmp(names[i], names[j]) == 0;
        row_style style = {.light = shaded(hues[h].light, shade + before),
            .dark = shaded(hues[h].dark, shade + before),
            .dash = 1 + (shade + before) % 5,
            .marker = marker_after(hues[h].marker, before)};
        while (is_taken(style.light, out, i)) style.light++; // which no eye sees
        snprintf(style.property, sizeof style.property, "--row-%d", i);
        out[i] = style;
    }
}

// ---------------------------------------------------------------- heat maps

// The dark ramp is the light one as the page's style sheet inverts images of maps.
unsigned heat_color(int index, int dark) {
    static const unsigned ramp[2][3] = {{0xeef3f8, 0x4a90c2, 0x0b2f52}, {0x0b1118, 0x4086b8, 0xb6dafd}};
    double at = 2.0 * index / (HEAT_COLORS - 1);
    return at < 1 ? mixed(ramp[dark][0], ramp[dark][1], at) : mixed(ramp[dark][1], ramp[dark][2], at - 1);
}
