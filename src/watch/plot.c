#include "watch/plot.h"

#include "base/text_stream.h"
#include "plot/chart.h"
#include "plot/text_chart.h"
#include "system/file.h"
#include "watch/plotted_runs.h"
#include "watch/shown_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- reduced curves

enum { MOST_POINTS = 250 };

// Means over equal parts of the training, so that a long run's curve is no longer than a short one's.
typedef struct curve {
    int count;
    double x[MOST_POINTS], y[MOST_POINTS];
} curve;

static void add_part(const series *s, int column, int64_t from, int64_t to, int64_t shift, curve *out) {
    double x = 0, y = 0;
    int64_t count = 0;
    for (int64_t i = from; i < to; i++) {
        double value = series_value(s, i, column);
        if (!isfinite(value)) continue;
        count++;
        x += ((double)(s->step[i] + shift) - x) / (double)count;
        y += (value - y) / (double)count;
    }
    if (count == 0) return;
    out->x[out->count] = x;
    out->y[out->count++] = y;
}

// `shift`: added to the steps, of which a validation counts those that are done.
static void reduce(const series *s, int column, int64_t shift, curve *out) {
    int64_t parts = s->count < MOST_POINTS ? s->count : MOST_POINTS;
    out->count = 0;
    for (int64_t i = 0; i < parts; i++)
        add_part(s, column, s->count * i / parts, s->count * (i + 1) / parts, shift, out);
}

// Two curves of each run: loss of the batches, and of the validations.
enum { CURVES = 2 };
static sigmoe_status reduce_all(const plotted_runs *r, curve **out) {
    TRY(ARENA_NEW(r->arena, *out, CURVES * (r->count > 0 ? r->count : 1)));
    for (int i = 0; i < r->count; i++) {
        reduce(&r->run[i].series.steps, STEP_LOSS, 1, &(*out)[CURVES * i]);
        reduce(&r->run[i].series.validations, VALID_NATS, 0, &(*out)[CURVES * i + 1]);
    }
    return SIGMOE_OK;
}

// Which curve has the run's name: that of the validations, if there is one.
static int named_curve(const curve *curves) {
    return curves[1].count > 0 ? 1 : 0;
}

static sigmoe_status nothing_to_show(void) {
    return fail(SIGMOE_BAD_ARGUMENT, "there is nothing to show: no step has a finite loss");
}

// ---------------------------------------------------------------- characters

static sigmoe_status print_characters(const plotted_runs *r, const sigmoe_plot_request *request, FILE *out) {
    curve *curves;
    text_series *lines;
    TRY(reduce_all(r, &curves));
    TRY(ARENA_NEW(r->arena, lines, CURVES * r->count));
    for (int i = 0; i < CURVES * r->count; i++) {
        const curve *c = &curves[i];
        bool named = i % CURVES == named_curve(&curves[i - i % CURVES]);
        lines[i] = (text_series){.name = named && r->count > 1 ? r->run[i / CURVES].name : NULL,
            .strong = named,
            .color = i / CURVES,
            .count = c->count,
            .x = c->x,
            .y = c->y};
    }
    text_chart drawn = {.columns = request->columns,
        .lines = request->lines - 1,
        .x_high = (double)plotted_runs_steps(r),
        .x_unit = "steps",
        .color = request->color,
        .series = lines,
        .count = CURVES * r->count};
    if (!(drawn.x_high > 0) || !text_chart_fit(&drawn)) return nothing_to_show();
    shown_text_print(
        out, "nats per token; where there are validations, their curve is the strong one", request->columns);
    putc('\n', out);
    text_chart_print(out, &drawn, 0);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- pictures

static sigmoe_status add_series(const plotted_runs *r, const curve *curves, int index, chart *c) {
    const curve *from = &curves[index];
    bool named = index % CURVES == named_curve(&curves[index - index % CURVES]);
    if (from->count == 0) return SIGMOE_OK;
    chart_series *line = &c->series[c->count++];
    *line = (chart_series){.name = r->run[index / CURVES].name,
        .row = index / CURVES,
        .look = LOOK_LINE,
        .labeled = named,
        .faint = !named};
    TRY(ARENA_NEW(r->arena, line->points, from->count));
    for (; line->count < from->count; line->count++)
        line->points[line->count] = chart_point_at(from->x[line->count], from->y[line->count]);
    return SIGMOE_OK;
}

// The beginning, where the loss falls from far above, does not squash the rest.
static void fit(chart *c) {
    value_range y = range_empty();
    for (int i = 0; i < c->count; i++)
        for (int j = c->series[i].count / 10; j < c->series[i].count; j++)
            range_add(&y, c->series[i].points[j].y);
    chart_fit_y(c, y);
}

static sigmoe_status plan_chart(const plotted_runs *r, chart *c) {
    curve *curves;
    const char **names;
    row_style *styles;
    TRY(reduce_all(r, &curves));
    TRY(ARENA_NEW(r->arena, c->series, CURVES * r->count));
    TRY(ARENA_NEW(r->arena, styles, r->count));
    TRY(ARENA_NEW(r->arena, names, r->count));
    for (int i = 0; i < r->count; i++) {
        styles[i] = series_style(i);
        names[i] = r->run[i].name;
    }
    for (int i = 0; i < CURVES * r->count; i++) TRY(add_series(r, curves, i, c));
    if (c->count == 0) return nothing_to_show();
    c->rows = styles;
    c->row_count = r->count;
    c->label_letters = chart_label_letters(names, r->count);
    c->x_high = (double)plotted_runs_steps(r);
    fit(c);
    return SIGMOE_OK;
}

static sigmoe_status draw_in(
    const char *directory, const char *ending, const plotted_runs *r, const char *out) {
    enum { WIDTH = 760, HEIGHT = 460 };
    char path[PATH_CAPACITY];
    chart c = {.x_label = "training steps",
        .y_label = "nats per token",
        .width = WIDTH,
        .height = HEIGHT,
        .x_decimals = -1,
        .baseline = NAN};
    figure f = {
        .name = "curves", .title = "Loss: validation (thick) and training batches (thin)", .caption = ""};
    file_map map;
    TRY(plan_chart(r, &c));
    TRY(chart_draw(r->arena, directory, &c, &f));
    TRY(path_format(path, "%s/curves%s", directory, ending));
    TRY(file_map_open(path, &map));
    sigmoe_status status = file_write(out, map.bytes, map.size);
    file_map_close(&map);
    return status;
}

// Drawn in a directory of its own, since a figure is several files of which one is wanted.
static sigmoe_status draw(const plotted_runs *r, const char *out) {
    const char *place = getenv("TMPDIR");
    char directory[PATH_CAPACITY];
    TRY(path_format(directory, "%s/sigmoe-plot-XXXXXX", place && *place ? place : "/tmp"));
    if (!mkdtemp(directory)) return fail_errno("cannot make a directory to draw in, %s", directory);
    sigmoe_status status = draw_in(directory, strrchr(out, '.'), r, out);
    kept_failure failure = failure_keep(status);
    sigmoe_status removed = directory_remove(directory);
    return status == SIGMOE_OK ? removed : failure_again(&failure);
}

// ---------------------------------------------------------------- numbers

static void print_name(FILE *out, const char *name) {
    if (!strpbrk(name, ",\"")) {
        fputs(name, out);
        return;
    }
    putc('"', out);
    for (; *name; name++) {
        if (*name == '"') putc('"', out);
        putc(*name, out);
    }
    putc('"', out);
}

static void print_values(FILE *out, const series *s, int64_t index, int columns) {
    for (int i = 0; i < columns; i++) {
        double value = index < 0 ? NAN : series_value(s, index, i);
        if (isfinite(value))
            fprintf(out, ",%.9g", value);
        else
            putc(',', out);
    }
}

static void print_rows(FILE *out, const plotted_run *run) {
    const series *steps = &run->series.steps, *valid = &run->series.validations;
    for (int64_t i = 0, v = 0; i < steps->count || v < valid->count;) {
        bool is_step = i < steps->count && (v == valid->count || steps->step[i] <= valid->step[v]);
        bool is_valid = v < valid->count && (i == steps->count || valid->step[v] <= steps->step[i]);
        print_name(out, run->name);
        fprintf(out, ",%" PRId64, is_step ? steps->step[i] : valid->step[v]);
        print_values(out, steps, is_step ? i : -1, STEP_COLUMNS);
        print_values(out, valid, is_valid ? v : -1, VALID_COLUMNS);
        putc('\n', out);
        i += is_step;
        v += is_valid;
    }
}

static sigmoe_status print_csv(FILE *out, const void *context) {
    const plotted_runs *r = context;
    fputs("run,step", out);
    for (int i = 0; i < STEP_COLUMNS; i++) fprintf(out, ",%s", step_columns[i]);
    for (int i = 0; i < VALID_COLUMNS; i++) fprintf(out, ",valid_%s", valid_columns[i]);
    putc('\n', out);
    for (int i = 0; i < r->count; i++) print_rows(out, &r->run[i]);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- the request

static bool is_text(const char *place) {
    return place && strcmp(place, "-") == 0;
}

static bool is_picture(const char *place) {
    size_t length = strlen(place);
    return length > 4 && (strcmp(place + length - 4, ".png") == 0 || strcmp(place + length - 4, ".svg") == 0);
}

static sigmoe_status check_place(const char *place, bool force) {
    if (!place || is_text(place)) return SIGMOE_OK;
    if (path_exists(place) && !force)
        return fail(SIGMOE_BAD_ARGUMENT, "%s exists: `force` replaces it", place);
    return file_replaceable(place);
}

static sigmoe_status check_request(const sigmoe_plot_request *r) {
    if (r->run_count < 1 || !r->runs) return fail(SIGMOE_BAD_ARGUMENT, "a plot needs at least one run");
    if (r->out && !is_text(r->out) && !is_picture(r->out))
        return fail(
            SIGMOE_BAD_ARGUMENT, "the picture is to be %s: its name must end in .png or .svg", r->out);
    if (is_text(r->out) && is_text(r->csv))
        return fail(SIGMOE_BAD_ARGUMENT, "curves and numbers cannot both be the text: name a file for one");
    TRY(check_place(r->out, r->force));
    return check_place(r->csv, r->force);
}

static sigmoe_status make_text(const plotted_runs *r, const sigmoe_plot_request *request, char **text) {
    text_stream s;
    TRY(text_stream_open(&s));
    sigmoe_status status = is_text(request->csv) ? print_csv(s.out, r) : print_characters(r, request, s.out);
    kept_failure failure = failure_keep(status);
    TRY(text_stream_close(&s));
    if (status == SIGMOE_OK)
        *text = s.text;
    else
        free(s.text);
    return status == SIGMOE_OK ? SIGMOE_OK : failure_again(&failure);
}

static sigmoe_status make_all(const plotted_runs *r, const sigmoe_plot_request *request, char **text) {
    if (request->csv && !is_text(request->csv)) TRY(file_print(request->csv, print_csv, r));
    if (request->out && !is_text(request->out)) TRY(draw(r, request->out));
    return is_text(request->csv) || is_text(request->out) ? make_text(r, request, text) : SIGMOE_OK;
}

sigmoe_status plot_runs(const sigmoe_plot_request *request, char **text) {
    TRY(check_request(request));
    plotted_runs *r = calloc(1, sizeof *r); // too large for the stack
    if (!r) return fail(SIGMOE_NO_MEMORY, "no memory for the runs");
    sigmoe_status status = plotted_runs_read(r, request->runs, request->run_count);
    if (status == SIGMOE_OK) status = make_all(r, request, text);
    plotted_runs_close(r);
    free(r);
    return status;
}
