#include "plot/svg.h"

#include "base/text_stream.h"
#include "plot/html.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- colours

// The step of the heat maps' ramp; -1: none. gnuplot rounds in its own way.
static int heat_of(unsigned color) {
    for (int i = 0; i < HEAT_COLORS; i++) {
        unsigned heat = heat_color(i, 0);
        int apart = 0;
        for (int shift = 0; shift < 24; shift += 8)
            apart |= abs((int)(heat >> shift & 0xff) - (int)(color >> shift & 0xff)) > 1;
        if (!apart) return i;
    }
    return -1;
}

// Prints the page's name of the colour; false: it has none.
static bool print_property(FILE *out, unsigned color, const svg_request *r) {
    for (int i = 0; i < r->row_count; i++)
        if (r->rows[i].light == color) return fprintf(out, "var(%s)", r->rows[i].property) > 0;
    for (int i = 0; i < FIGURE_COLORS; i++)
        if (figure_colors[i].light == color) return fprintf(out, "var(%s)", figure_colors[i].property) > 0;
    int heat = heat_of(color);
    return heat >= 0 && fprintf(out, "var(--heat-%d)", heat) > 0;
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

// ---------------------------------------------------------------- names

// Whether gnuplot declares or uses an id here; the caller copies the quote or '#' before it.
static bool begins_id(const char *text, const char *at) {
    static const char *const names[] = {"gpPt", "gpDot", "textbox", "greybox", "gnuplot_"};
    if (at == text || !strchr("'\"#", at[-1])) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(at, names[i], strlen(names[i])) == 0) return true;
    return false;
}

// gnuplot gives every part of a plot a title, which browsers show over the pointer. Returns what follows one at `at`.
static const char *skip_title(const char *at) {
    static const char begin[] = "<title>", end[] = "</title>";
    if (strncmp(at, begin, sizeof begin - 1) != 0) return at;
    const char *close = strstr(at, end);
    return close ? close + sizeof end - 1 : at;
}

static void print_body(FILE *out, const char *text, const svg_request *r) {
    for (const char *at = text; *at;) {
        unsigned color;
        int length = read_color(at, &color);
        if (length > 0 && print_property(out, color, r)) {
            at += length;
            continue;
        }
        at = skip_title(at);
        if (begins_id(text, at)) fprintf(out, "%s-", r->name);
        if (*at) fputc(*at++, out);
    }
}

// ---------------------------------------------------------------- the two forms

// The content after gnuplot's own description, up to the end: "<g id="gnuplot_canvas"> ... </svg>".
static const char *find_content(const char *text) {
    return strstr(text, "<g id=\"gnuplot_canvas\"");
}

static bool read_size(const char *text, int *width, int *height) {
    const char *view = strstr(text, "viewBox=\"0 0 ");
    return view && sscanf(view, "viewBox=\"0 0 %d %d\"", width, height) == 2;
}

static void print_for_page(FILE *out, const char *text, const svg_request *r) {
    int width = 0, height = 0;
    read_size(text, &width, &height);
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", width, height);
    html_text(out, r->title);
    fputs("\">", out);
    print_body(out, find_content(text), r);
}

static void print_for_file(FILE *out, const char *text, const svg_request *r) {
    const char *content = find_content(text), *description = strstr(text, "<title>");
    if (!description || description > content) description = content;
    fwrite(text, 1, (size_t)(description - text), out);
    fputs("<title>", out);
    html_text(out, r->title);
    fputs("</title>\n", out);
    for (const char *at = content; *at; fputc(*at++, out))
        if (!*(at = skip_title(at))) break;
}

typedef void print_form(FILE *out, const char *text, const svg_request *r);

static sigmoe_status make_form(
    arena *a, const char *text, size_t size, const svg_request *r, print_form *print, const char **out) {
    int width, height;
    text_stream built;
    const char *copy = arena_text(a, "%.*s", (int)size, text); // mapped bytes are not 0-terminated
    if (!copy) return SIGMOE_NO_MEMORY;
    if (!find_content(copy) || !read_size(copy, &width, &height))
        return fail(SIGMOE_BAD_FORMAT, "gnuplot wrote an SVG of an unknown form");
    TRY(text_stream_open(&built));
    print(built.out, copy, r);
    TRY(text_stream_close(&built));
    *out = arena_text(a, "%s", built.text);
    free(built.text);
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

sigmoe_status svg_for_file(arena *a, const char *text, size_t size, const svg_request *r, const char **out) {
    return make_form(a, text, size, r, print_for_file, out);
}

sigmoe_status svg_for_page(arena *a, const char *text, size_t size, const svg_request *r, const char **out) {
    return make_form(a, text, size, r, print_for_page, out);
}
