#include "plot/figure.h"

#include "base/round_up.h"
#include "base/text_stream.h"
#include "plot/gnuplot.h"
#include "plot/svg.h"
#include "system/file.h"
#include "system/output_kind.h"

#include <stdlib.h>
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
    if (p->width > 0) return p->width;
    return is_wide(p) ? WIDE : WIDTH;
}

static int key_columns(const figure_frame *p) {
    int columns = (int)((width_of(p) - KEY_MARGIN) / (KEY_SAMPLE + KEY_LETTER * p->longest_key));
    return columns < 1 ? 1 : columns > MOST_KEY_COLUMNS ? MOST_KEY_COLUMNS : columns;
}

static int height_of(const figure_frame *p) {
    if (p->height > 0) return p->height;
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
    if (p->width > 0)
        fprintf(out,
            "set lmargin at screen %.6f\nset rmargin at screen %.6f\nset tmargin at screen %.6f\n"
            "set bmargin at screen %.6f\n",
            p->area.left / p->width, p->area.right / p->width, 1 - p->area.top / p->height,
            1 - p->area.bottom / p->height);
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
    [TERMINAL_SVG] = {"svg", svg_end, sizeof svg_end}, [TERMINAL_PNG] = {"png", png_end, sizeof png_end}};

// Newlines may follow the end.
static bool is_whole(const picture_kind *k, const file_map *map) {
    size_t size = map->size;
    while (size > 0 && map->bytes[size - 1] == '\n') size--;
    return size >= k->end_size && memcmp(map->bytes + size - k->end_size, k->end, k->end_size) == 0;
}

// gnuplot does not report that it could not write, so only a complete picture is taken.
static sigmoe_status open_picture(
    const char *drawing, const char *directory, const char *name, const picture_kind *k, file_map *map) {
    char partial[PATH_CAPACITY];
    TRY(path_format(partial, "%s/%s.%s.partial", drawing, name, k->extension));
    TRY(file_map_open(partial, map));
    if (is_whole(k, map)) return SIGMOE_OK;
    file_map_close(map);
    return fail(SIGMOE_IO, "cannot write %s/%s.%s: gnuplot left it cut short, as on a full disk", directory,
        name, k->extension);
}

typedef struct drawing_job {
    arena *arena;
    const char *directory;
    const figure_frame *frame;
    figure_print *print_data, *print_plot;
    const void *context; // of both
    figure *figure;
} drawing_job;

static sigmoe_status take_svg(const drawing_job *job, const file_map *map) {
    char path[PATH_CAPACITY];
    const char *text;
    figure *f = job->figure;
    const svg_request r = {f->name, f->title, job->frame->rows, job->frame->row_count};
    if (!f->page_only) {
        TRY(path_format(path, "%s/%s.svg", job->directory, f->name));
        TRY(svg_for_file(job->arena, (const char *)map->bytes, map->size, &r, &text));
        TRY(file_write(path, text, strlen(text)));
    }
    return svg_for_page(job->arena, (const char *)map->bytes, map->size, &r, &f->svg);
}

static sigmoe_status take_png(const drawing_job *job, const file_map *map) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/%s.png", job->directory, job->figure->name));
    return file_write(path, map->bytes, map->size);
}

static sigmoe_status take_pictures(const drawing_job *job, const char *drawing) {
    file_map svg, png;
    const char *name = job->figure->name;
    TRY(open_picture(drawing, job->directory, name, &picture_kinds[TERMINAL_SVG], &svg));
    sigmoe_status status = SIGMOE_OK;
    if (!job->figure->page_only) {
        status = open_picture(drawing, job->directory, name, &picture_kinds[TERMINAL_PNG], &png);
        if (status == SIGMOE_OK) {
            status = take_png(job, &png);
            file_map_close(&png);
        }
    }
    if (status == SIGMOE_OK) status = take_svg(job, &svg);
    file_map_close(&svg);
    return status;
}

static void print_script(FILE *out, const drawing_job *job) {
    job->print_data(out, job->context);
    for (terminal t = TERMINAL_SVG; t <= (job->figure->page_only ? TERMINAL_SVG : TERMINAL_PNG); t++) {
        print_terminal(out, t, job->frame, job->figure->name);
        print_frame(out, job->frame);
        job->print_plot(out, job->context);
        fputs("unset output\n", out);
    }
}

static sigmoe_status draw_pictures(const char *drawing, const drawing_job *job) {
    text_stream script;
    TRY(text_stream_open(&script));
    print_script(script.out, job);
    TRY(text_stream_close(&script));
    sigmoe_status status = plot_run(drawing, job->figure->name, script.text, script.size);
    free(script.text);
    TRY(status);
    return take_pictures(job, drawing);
}

// Draws in a new, empty directory, so that there is nothing gnuplot could write through.
sigmoe_status figure_draw(arena *a, const char *directory, const figure_frame *frame,
    figure_print *print_data, figure_print *print_plot, const void *context, figure *f) {
    char drawing[PATH_CAPACITY];
    TRY(path_format(drawing, "%s/" DRAWING_NAME, directory));
    if (path_exists(drawing)) TRY(directory_remove(drawing));
    TRY(directory_make(drawing));
    const drawing_job job = {a, directory, frame, print_data, print_plot, context, f};
    sigmoe_status status = draw_pictures(drawing, &job);
    if (status == SIGMOE_OK) return directory_remove(drawing);
    kept_failure failure = failure_keep(status);
    directory_remove(drawing);
    f->svg = NULL;
    return failure_again(&failure);
}
