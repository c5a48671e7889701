#include "plot/figure.h"

#include "base/round_up.h"
#include "plot/gnuplot.h"
#include "plot/svg.h"
#include "system/file.h"
#include "system/output_kind.h"

#include <string.h>

int letter_count(const char *text) {
    int count = 0;
    for (; *text; text++) count += (*text & 0xc0) != 0x80;
    return count;
}

void figure_key(figure_frame *frame, const char *entry) {
    int letters = letter_count(entry);
    frame->key_entries++;
    if (letters > frame->longest_key) frame->longest_key = letters;
}

void range_to_y(value_range r, figure_frame *frame) {
    double span = fmax(r.high - r.low, 1e-3 * fmax(fabs(r.high), 1e-6));
    frame->y_low = r.low - 0.06 * span;
    frame->y_high = r.high + 0.06 * span;
    frame->y_decimals = span >= 8 ? 0 : span >= 0.8 ? 1 : span >= 0.08 ? 2 : 3;
}

// ---------------------------------------------------------------- script

enum { WIDTH = 520, HEIGHT = 340, WIDE = 860, WIDE_HEIGHT = 460 };
enum { KEY_LINE = 24, MOST_KEY_COLUMNS = 4, FONT = 14 };     // FONT: in the units of the sizes
enum { PNG_SCALE = 2, PNG_FONT = PNG_SCALE * FONT * 3 / 4 }; // pngcairo takes points, 4/3 of its pixels
// Sizes of the key's parts and of the margin beside it, in the figure's units. A key that gnuplot finds too high is drawn over
// the plot.
static const double KEY_SAMPLE = 62, KEY_LETTER = 10, KEY_MARGIN = 80;

typedef enum terminal { TERMINAL_SVG, TERMINAL_PNG } terminal;

static bool is_wide(const figure_frame *p) {
    return p->key_entries > FIGURE_MANY;
}

static int width_of(const figure_frame *p) {
    return is_wide(p) ? WIDE : WIDTH;
}

static int key_columns(const figure_frame *p) {
    int columns = (int)((width_of(p) - KEY_MARGIN) / (KEY_SAMPLE + KEY_LETTER * p->longest_key));
    return columns < 1 ? 1 : columns > MOST_KEY_COLUMNS ? MOST_KEY_COLUMNS : columns;
}

static int height_of(const figure_frame *p) {
    int lines = (int)divide_up(p->key_entries, key_columns(p));
    return (is_wide(p) ? WIDE_HEIGHT : HEIGHT) + lines * KEY_LINE;
}

static void print_terminal(FILE *out, terminal t, const figure_frame *p, const char *name) {
    int scale = t == TERMINAL_PNG ? PNG_SCALE : 1;
    // Regardless of the locale: scripts are UTF-8 and their numbers have decimal points.
    fputs("reset\nset encoding utf8\nset decimalsign '.'\n", out);
    fprintf(out,
        "set terminal %s size %d,%d noenhanced font 'sans-serif,%d' lw %d%s background rgb '#%06x'\n",
        t == TERMINAL_PNG ? "pngcairo" : "svg", scale * width_of(p), scale * height_of(p),
        t == TERMINAL_PNG ? PNG_FONT : FONT, scale, t == TERMINAL_PNG ? " pointscale 2" : "",
        figure_colors[COLOR_PAPER].light);
    fprintf(out, "set output '%s.%s.partial'\n", name, t == TERMINAL_PNG ? "png" : "svg");
}

static void print_frame(FILE *out, const figure_frame *p) {
    unsigned ink = figure_colors[COLOR_INK].light, axis = figure_colors[COLOR_AXIS].light;
    fprintf(out,
        "set border 3 lc rgb '#%06x'\nset grid ytics lt 1 lc rgb '#%06x' lw 0.8\n"
        "set tics nomirror scale 0.5 textcolor rgb '#%06x'\nset xtics autofreq\n"
        "set xlabel '%s' textcolor rgb '#%06x'\nset ylabel '%s' textcolor rgb '#%06x'\n"
        "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\nset format y '%%.%df'\n",
        axis, figure_colors[COLOR_GRID].light, axis, p->x_label, ink, p->y_label, ink, p->x_low, p->x_high,
        p->y_low, p->y_high, p->y_decimals);
    if (p->key_entries > 0)
        fprintf(out,
            "set key outside top left horizontal Left reverse samplen 1.6 maxcols %d "
            "textcolor rgb '#%06x'\n",
            key_columns(p), ink);
    else
        fputs("unset key\n", out);
}

// ---------------------------------------------------------------- drawing

typedef struct picture_kind {
    const char *extension;
    const unsigned char *end; // of a complete file
    size_t end_size;
} picture_kind;

static const unsigned char svg_end[] = {'<', '/', 's', 'v', 'g', '>'};
static const unsigned char png_end[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
static const picture_kind picture_kinds[] = {
    {"svg", svg_end, sizeof svg_end}, {"png", png_end, sizeof png_end}};
enum { PICTURE_KINDS = sizeof picture_kinds / sizeof *picture_kinds };

// Newlines may follow the end.
static bool is_whole(const picture_kind *k, const file_map *map) {
    size_t size = map->size;
    while (size > 0 && map->bytes[size - 1] == '\n') size--;
    return size >= k->end_size && memcmp(map->bytes + size - k->end_size, k->end, k->end_size) == 0;
}

// gnuplot does not report that it could not write, so only a complete figure gets its final name.
static sigmoe_status take_picture(
    const char *drawing, const char *directory, const char *name, const picture_kind *k) {
    char partial[PATH_CAPACITY], final[PATH_CAPACITY];
    file_map map;
    TRY(path_format(final, "%s/%s.%s", directory, name, k->extension));
    TRY(path_format(partial, "%s/%s.%s.partial", drawing, name, k->extension));
    TRY(file_map_open(partial, &map));
    bool whole = is_whole(k, &map);
    file_map_close(&map);
    if (!whole)
        return fail(SIGMOE_IO, "cannot write %s: gnuplot left it cut short, as on a full disk", final);
    TRY(file_replaceable(final));
    return directory_rename(partial, final);
}

static sigmoe_status read_svg(arena *a, const char *directory, figure *f) {
    char path[PATH_CAPACITY];
    file_map map;
    TRY(path_format(path, "%s/%s.svg", directory, f->name));
    TRY(file_map_open(path, &map));
    sigmoe_status status = svg_for_page(a, (const char *)map.bytes, map.size, f->name, f->title, &f->svg);
    file_map_close(&map);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

typedef struct script {
    const figure_frame *frame;
    figure_print *print_data, *print_plot;
    const void *context; // of both
    const char *name;
} script;

static sigmoe_status print_script(FILE *out, const void *context) {
    const script *s = context;
    s->print_data(out, s->context);
    for (terminal t = TERMINAL_SVG; t <= TERMINAL_PNG; t++) {
        print_terminal(out, t, s->frame, s->name);
        print_frame(out, s->frame);
        s->print_plot(out, s->context);
        fputs("unset output\n", out);
    }
    return SIGMOE_OK;
}

static sigmoe_status draw_pictures(const char *drawing, const char *directory, const script *s) {
    char file[PATH_CAPACITY], path[PATH_CAPACITY];
    TRY(path_format(file, "%s.gnuplot", s->name));
    TRY(path_format(path, "%s/%s", drawing, file));
    TRY(file_print(path, print_script, s));
    TRY(plot_run(drawing, file));
    for (int i = 0; i < PICTURE_KINDS; i++) TRY(take_picture(drawing, directory, s->name, &picture_kinds[i]));
    return SIGMOE_OK;
}

// Draws in a new, empty directory, so that there is nothing gnuplot could write through.
sigmoe_status figure_draw(arena *a, const char *directory, const figure_frame *frame,
    figure_print *print_data, figure_print *print_plot, const void *context, figure *f) {
    char drawing[PATH_CAPACITY];
    TRY(path_format(drawing, "%s/" DRAWING_NAME, directory));
    if (path_exists(drawing)) TRY(directory_remove(drawing));
    TRY(directory_make(drawing));
    script s = {frame, print_data, print_plot, context, f->name};
    sigmoe_status status = draw_pictures(drawing, directory, &s);
    if (status == SIGMOE_OK) status = directory_remove(drawing);
    if (status == SIGMOE_OK) return read_svg(a, directory, f);
    kept_failure failure = failure_keep(status);
    directory_remove(drawing);
    return failure_again(&failure);
}
