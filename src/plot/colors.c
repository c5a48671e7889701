#include "plot/colors.h"

// The palette of Okabe and Ito without yellow, darkened or lightened until each colour stands out from the background. Beyond
// eight lines, dashes distinguish them; markers always do.
const figure_color figure_colors[FIGURE_COLORS] = {
    [COLOR_INK] = {"--ink", 0x1c2024, 0xe8eaed},
    [COLOR_AXIS] = {"--axis", 0x6b7178, 0x9aa1a9},
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
