#include "analyze/draw.h"

#include "analyze/draw_training.h"
#include "analyze/drawing.h"
#include "analyze/layer_summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char ACTIVE_SECTION[] = "Active channels";

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

// ---------------------------------------------------------------- adding a figure

// ---------------------------------------------------------------- active channels

static void active_data(FILE *out, const void *context) {
    const analysis *a = ((const subject *)context)->a;
    for (int i = 0; i < a->count; i++) {
        fprintf(out, "$m%d << END\n", i);
        for (int64_t l = 0; l < a->models[i].now->layers; l++) {
            layer_summary s = summarize_layer(a->models[i].now, l);
            // Places the bars of several models side by side.
            fprintf(out, "%.9g %.9g %.9g\n",
                (double)l + 0.1 * (i - 0.5 * (a->count - 1)) / fmax(1, 0.25 * a->count), s.active,
                s.deviation);
        }
        fputs("END\n", out);
    }
}

static void active_plot(FILE *out, const void *context) {
    const analysis *a = ((const subject *)context)->a;
    bool first = true;
    fputs("set xtics 1\n", out);
    if (a->models[0].now->layers > 12) fputs("set xtics 2\n", out);
    for (int i = 0; i < a->count; i++) {
        plot_separator(out, &first);
        fprintf(out, "$m%d using 1:2:3 with yerrorlines lc rgb '#%06x' lw 1.8 dt %d pt %d ps 0.8 title '%s'",
            i, series_color(i), series_dash(i), series_marker(i), a->models[i].label);
    }
    fputc('\n', out);
}

static sigmoe_status active_csv(FILE *out, const void *context) {
    const analysis *a = ((const subject *)context)->a;
    fputs("model,layer,active_mean,active_std,channels\n", out);
    for (int i = 0; i < a->count; i++)
        for (int64_t l = 0; l < a->models[i].now->layers; l++) {
            layer_summary s = summarize_layer(a->models[i].now, l);
            fprintf(out, "%s,%" PRId64 ",%.10g,%.10g,%" PRId64 "\n", a->models[i].label, l, s.active,
                s.deviation, s.channels);
        }
    return SIGMOE_OK;
}

static sigmoe_status draw_active(analysis *a) {
    subject s = {.a = a};
    value_range y = range_empty();
    plan p = {.section = ACTIVE_SECTION,
        .f = {.name = "active",
            .title = "Channels above 0 in each layer",
            .caption = "Mean over tokens, bars: standard deviation over tokens. Of a mixture of experts, "
                       "only channels "
                       "of the experts that were picked can be above 0."},
        .frame = {.x_label = "layer", .y_label = "active channels of a token", .x_low = -0.5},
        .print_data = active_data,
        .print_plot = active_plot,
        .print_csv = active_csv};
    range_add(&y, 0);
    for (int i = 0; i < a->count; i++) {
        p.frame.x_high = fmax(p.frame.x_high, (double)a->models[i].now->layers - 0.5);
        for (int64_t l = 0; l < a->models[i].now->layers; l++) {
            layer_summary layer = summarize_layer(a->models[i].now, l);
            range_add(&y, layer.active + layer.deviation);
        }
        figure_key(&p.frame, a->models[i].label);
    }
    range_to_y(y, &p.frame);
    p.frame.y_low = 0;
    return analysis_add_figure(a, &s, &p);
}

// ---------------------------------------------------------------- shares of the selection weight

static void share_data(FILE *out, const void *context) {
    const subject *s = context;
    for (int i = 0; i < s->a->count; i++) {
        if (!s->share[i]) continue;
        fprintf(out, "$m%d << END\n", i);
        for (int64_t e = 0; e < s->a->models[i].now->experts; e++)
            if (s->share[i][e] > 0) fprintf(out, "%" PRId64 " %.9g\n", e + 1, s->share[i][e]);
        fputs("END\n", out);
    }
}

static void share_plot(FILE *out, const void *context) {
    const subject *s = context;
    bool first = true;
    fputs("set logscale y 10\nset format y '%g'\n", out);
    if (s->columns <= 16) fputs("set xtics 1\n", out);
    for (int i = 0; i < s->a->count; i++) {
        if (!s->share[i] || !(s->share[i][0] > 0)) continue;
        plot_separator(out, &first);
        fprintf(out, "$m%d with linespoints lc rgb '#%06x' lw 2 dt %d pt %d ps 0.7 pi %d title '%s'", i,
            series_color(i), series_dash(i), series_marker(i), (int)(1 + s->columns / 16),
            s->a->models[i].label);
    }
    plot_separator(out, &first);
    if (s->equal_experts)
        fprintf(out, "%.9g with lines lc rgb '#%06x' lw 1.6 dt 2 title 'equal shares'\n",
            1 / (double)s->columns, figure_colors[COLOR_BASELINE].light);
    else
        fputs("NaN notitle\n", out);
}

static sigmoe_status share_csv(FILE *out, const void *context) {
    const subject *s = context;
    fputs("model,rank,share\n", out);
    for (int i = 0; i < s->a->count; i++)
        for (int64_t e = 0; s->share[i] && e < s->a->models[i].now->experts; e++)
            fprintf(out, "%s,%" PRId64 ",%.10g\n", s->a->models[i].label, e + 1, s->share[i][e]);
    return SIGMOE_OK;
}

// The scale from the power of ten below the smallest share to the one above the largest.
static void frame_shares(value_range y, figure_frame *frame) {
    frame->y_low = range_is_empty(&y) ? 1e-3 : pow(10, floor(log10(fmax(y.low, 1e-9)) - 1e-9));
    frame->y_high = range_is_empty(&y) ? 1 : pow(10, ceil(log10(y.high)));
}

static sigmoe_status draw_shares(analysis *a, int64_t layer) {
    double **share;
    TRY(ARENA_NEW(a->arena, share, a->count));
    subject s = {.a = a, .layer = layer, .equal_experts = true, .share = share};
    value_range y = range_empty();
    plan p = {.section = "Shares of the selection weight",
        .f = {.name = arena_text(a->arena, "share-layer-%02" PRId64, layer),
            .title =
                arena_text(a->arena, "Layer %" PRId64 ": selection weight of the experts, sorted", layer),
            .caption = "Each expert's share of all selection weight that the layer gave. An expert that was "
                       "never picked "
                       "has no point."},
        .frame = {.x_label = "expert, by share", .y_label = "share of the selection weight"},
        .print_data = share_data,
        .print_plot = share_plot,
        .print_csv = share_csv};
    for (int i = 0; i < a->count; i++) {
        const ff_statistics *now = a->models[i].now;
        if (now->experts == 0 || layer >= now->layers) continue;
        TRY(weight_shares(a->arena, now, layer, &share[i]));
        qsort(share[i], (size_t)now->experts, sizeof **share, descending);
        for (int64_t e = 0; e < now->experts; e++)
            if (share[i][e] > 0) range_add(&y, share[i][e]);
        if (s.columns && s.columns != now->experts) s.equal_experts = false;
        if (now->experts > s.columns) s.columns = now->experts;
        figure_key(&p.frame, a->models[i].label);
    }
    if (s.equal_experts) figure_key(&p.frame, "equal shares");
    frame_shares(y, &p.frame);
    p.frame.x_low = s.columns > 1 ? 1 : 0;
    p.frame.x_high = fmax(2, (double)s.columns);
    return analysis_add_figure(a, &s, &p);
}

// ---------------------------------------------------------------- heat maps

enum { MOST_BOXES = 600 };

// The plot command of a heat map, rows downwards. Small maps are drawn as boxes, sharp at any size; large ones as an image,
// which must have at least two rows.
static void map_plot(FILE *out, const subject *s, int64_t rows, const char *label) {
    bool boxes = rows == 1 || s->columns == 1 || s->columns * rows <= MOST_BOXES;
    plot_map_style(out, s->highest, label);
    fprintf(out, "set xtics 0,%" PRId64 "\nset ytics 0,%" PRId64 "\nplot $map matrix %s notitle\n",
        map_tic_step(s->columns), map_tic_step(rows),
        boxes ? "using 1:2:(0.5):(0.5):3 with boxxyerror fs solid noborder lc palette" : "with image");
}

static double token_share(const ff_statistics *s, int64_t layer, int64_t e) {
    return (double)s->layer[layer].chosen[e] / (double)s->layer[layer].tokens;
}

static void usage_data(FILE *out, const void *context) {
    const subject *s = context;
    fputs("$map << END\n", out);
    for (int64_t l = 0; l < s->m->now->layers; l++) {
        for (int64_t e = 0; e < s->columns; e++) fprintf(out, "%.6g ", 100 * token_share(s->m->now, l, e));
        fputc('\n', out);
    }
    fputs("END\n", out);
}

static void usage_plot(FILE *out, const void *context) {
    const subject *s = context;
    map_plot(out, s, s->m->now->layers, "tokens served, %");
}

static sigmoe_status usage_csv(FILE *out, const void *context) {
    const subject *s = context;
    fputs("layer,expert,tokens,token_share,weight\n", out);
    for (int64_t l = 0; l < s->m->now->layers; l++)
        for (int64_t e = 0; e < s->columns; e++)
            fprintf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%.10g,%.10g\n", l, e,
                s->m->now->layer[l].chosen[e], token_share(s->m->now, l, e), s->m->now->layer[l].weight[e]);
    return SIGMOE_OK;
}

// Whether counting experts that are used together makes sense.
static bool has_pairs(const analyzed_model *m) {
    return m->config.model.ff.moe.k > 1;
}

static bool pairs_are_counted(const analyzed_model *m) {
    return m->now->layer[0].together != NULL;
}

static sigmoe_status draw_usage(analysis *a, const analyzed_model *m, const char *section) {
    subject s = {.a = a, .m = m, .columns = m->now->experts};
    for (int64_t l = 0; l < m->now->layers; l++)
        for (int64_t e = 0; e < s.columns; e++) s.highest = fmax(s.highest, 100 * token_share(m->now, l, e));
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-usage", m->label),
            .title = arena_text(a->arena, "%s: tokens that each expert serves, %%", m->label),
            .caption = arena_text(a->arena,
                "With K of %" PRId64 " expert%s for each token, equal use would be %.3g %%.%s",
                m->now->experts, plural(m->now->experts),
                100 * (double)m->config.model.ff.moe.k / (double)m->now->experts,
                has_pairs(m) && !pairs_are_counted(m)
                    ? " Which experts are used together is left out: they are too many."
                    : "")},
        .frame = map_frame("expert", "layer", s.columns, m->now->layers),
        .print_data = usage_data,
        .print_plot = usage_plot,
        .print_csv = usage_csv};
    return analysis_add_figure(a, &s, &p);
}

// ---------------------------------------------------------------- experts used together

// Row e of the counts, and its sum: 1 if the row is empty.
static const int64_t *partners(const subject *s, int64_t e, double *all) {
    const int64_t *row = s->m->now->layer[s->layer].together + e * s->columns;
    int64_t sum = 0;
    for (int64_t f = 0; f < s->columns; f++) sum += row[f];
    *all = fmax(1, (double)sum);
    return row;
}

static void together_data(FILE *out, const void *context) {
    const subject *s = context;
    fputs("$map << END\n", out);
    for (int64_t e = 0; e < s->columns; e++) {
        double all;
        const int64_t *row = partners(s, e, &all);
        for (int64_t f = 0; f < s->columns; f++) fprintf(out, "%.5g ", 100 * (double)row[f] / all);
        fputc('\n', out);
    }
    fputs("END\n", out);
}

static void together_plot(FILE *out, const void *context) {
    const subject *s = context;
    fputs("set size square\n", out);
    map_plot(out, s, s->columns, "of the others picked, %");
}

static sigmoe_status together_csv(FILE *out, const void *context) {
    const subject *s = context;
    fputs("expert,with,tokens,share\n", out);
    for (int64_t e = 0; e < s->columns; e++) {
        double all;
        const int64_t *row = partners(s, e, &all);
        for (int64_t f = 0; f < s->columns; f++)
            fprintf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%.10g\n", e, f, row[f], (double)row[f] / all);
    }
    return SIGMOE_OK;
}

static sigmoe_status draw_together(analysis *a, const analyzed_model *m, int64_t layer, const char *section) {
    subject s = {.a = a, .m = m, .layer = layer, .columns = m->now->experts};
    for (int64_t e = 0; e < s.columns; e++) {
        double all;
        const int64_t *row = partners(&s, e, &all);
        for (int64_t f = 0; f < s.columns; f++) s.highest = fmax(s.highest, 100 * (double)row[f] / all);
    }
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-together-layer-%02" PRId64, m->label, layer),
            .title =
                arena_text(a->arena, "%s, layer %" PRId64 ": experts used together, %%", m->label, layer),
            .caption =
                "Each row: of the other experts picked for the tokens of this one, the share of each."},
        .frame = map_frame("used together with", "expert", s.columns, s.columns),
        .print_data = together_data,
        .print_plot = together_plot,
        .print_csv = together_csv};
    return analysis_add_figure(a, &s, &p);
}

// ---------------------------------------------------------------- all figures

// Whether the history can be drawn: a line needs two points.
static bool has_training(const analyzed_model *m) {
    return m->training.records > 1;
}

static int64_t layers_with_experts(const analysis *a) {
    int64_t most = 0;
    for (int i = 0; i < a->count; i++)
        if (a->models[i].now->experts > 0 && a->models[i].now->layers > most) most = a->models[i].now->layers;
    return most;
}

static sigmoe_status draw_model(analysis *a, const analyzed_model *m) {
    const char *section = arena_text(a->arena, "Experts of %s", m->label);
    if (!section) return SIGMOE_NO_MEMORY;
    TRY(draw_usage(a, m, section));
    if (has_training(m)) TRY(analysis_draw_experts_in_training(a, m, section));
    for (int64_t l = 0; has_pairs(m) && pairs_are_counted(m) && l < m->now->layers; l++)
        TRY(draw_together(a, m, l, section));
    return SIGMOE_OK;
}

static sigmoe_status draw_all(analysis *a) {
    TRY(draw_active(a));
    for (int i = 0; i < a->count; i++)
        if (has_training(&a->models[i]))
            TRY(analysis_draw_active_in_training(a, &a->models[i], ACTIVE_SECTION));
    for (int64_t l = 0; l < layers_with_experts(a); l++) TRY(draw_shares(a, l));
    for (int i = 0; i < a->count; i++)
        if (a->models[i].now->experts > 0) TRY(draw_model(a, &a->models[i]));
    return SIGMOE_OK;
}

sigmoe_status analysis_draw(analysis *a) {
    int64_t most = 1 + a->count + layers_with_experts(a);
    for (int i = 0; i < a->count; i++)
        if (a->models[i].now->experts > 0) most += 2 + 2 * a->models[i].now->layers;
    TRY(ARENA_NEW(a->arena, a->drawings, most));
    progress_begin(&a->drawing_meter, a->observer, "draw", "figures", 0, (double)most);
    TRY(draw_all(a));
    a->drawing_meter.state.total = a->drawing_meter.state.done = a->drawn; // some figures have no point
    progress_end(&a->drawing_meter);
    return SIGMOE_OK;
}
