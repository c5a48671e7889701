#include "plot/svg.h"

#include "base/text_stream.h"
#include "plot/colors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *property_of(unsigned color) {
    for (int i = 0; i < FIGURE_COLORS; i++)
        if (figure_colors[i].light == color) return figure_colors[i].property;
    return NULL;
}

// Parses "rgb(r, g, b)" or "#rrggbb" at `at`; returns its length, or 0 for anything else.
static int read_color(const char *at, unsigned *color) {
    unsigned red, green, blue;
    int length = 0;
    if (strncmp(at, "rgb(", 4) == 0 && sscanf(at, "rgb(%u ,%u ,%u )%n", &red, &green, &blue, &length) == 3 &&
        length)
        *color = red << 16 | green << 8 | blue;
    else if (*at == '#' && sscanf(at, "#%6x%n", color, &length) == 1 && length == 7)
        return length;
    return length;
}

// Whether gnuplot declares or uses an id here; the caller copies the quote or '#' before it.
static bool begins_id(const char *text, const char *at) {
    static const char *const names[] = {"gpPt", "gpDot", "textbox", "greybox", "gnuplot_"};
    if (at == text || !strchr("'\"#", at[-1])) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(at, names[i], strlen(names[i])) == 0) return true;
    return false;
}

static void print_body(FILE *out, const char *text, const char *name) {
    for (const char *at = text; *at;) {
        unsigned color;
        int length = read_color(at, &color);
        const char *property = length > 0 ? property_of(color) : NULL;
        if (property) {
            fprintf(out, "var(%s)", property);
            at += length;
            continue;
        }
        if (begins_id(text, at)) fprintf(out, "%s-", name);
        fputc(*at++, out);
    }
}

// The content after gnuplot's own description, up to the end: "<g id="gnuplot_canvas"> ... </svg>".
static const char *find_content(const char *text) {
    return strstr(text, "<g id=\"gnuplot_canvas\"");
}

static bool read_size(const char *text, int *width, int *height) {
    const char *view = strstr(text, "viewBox=\"0 0 ");
    return view && sscanf(view, "viewBox=\"0 0 %d %d\"", width, height) == 2;
}

static sigmoe_status print_svg(
    arena *a, const char *text, const char *name, const char *title, const char **out) {
    int width, height;
    text_stream built;
    const char *content = find_content(text);
    if (!content || !read_size(text, &width, &height))
        return fail(SIGMOE_BAD_FORMAT, "gnuplot wrote an SVG of an unknown form");
    TRY(text_stream_open(&built));
    fprintf(built.out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", width, height, title);
    print_body(built.out, content, name);
    TRY(text_stream_close(&built));
    *out = arena_text(a, "%s", built.text);
    free(built.text);
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

sigmoe_status svg_for_page(
    arena *a, const char *text, size_t size, const char *name, const char *title, const char **out) {
    const char *copy = arena_text(a, "%.*s", (int)size, text); // mapped bytes are not 0-terminated
    return copy ? print_svg(a, copy, name, title, out) : SIGMOE_NO_MEMORY;
}
