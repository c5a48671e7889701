#include "analyze/draw.h"

#include "analyze/draw_training.h"
#include "analyze/drawing.h"
#include "analyze/layer_summary.h"

#include <inttypes.h>
#include <stdlib.h>

static const char ACTIVE_SECTION[] = "Active channels";

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

// ---------------------------------------------------------------- active channels

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

static sigmoe_status add_active_line(const analysis *a, int model, value_range *y, chart *c) {
    const ff_statistics *now = a->models[model].now;
    chart_series *line = &c->series[c->count++];
    *line = (chart_series){.name = a->names[model], .row = model, .look = LOOK_LINE, .labeled = true};
    TRY(ARENA_NEW(a->arena, line->points, now->layers));
    for (; line->count < now->layers; line->count++) {
        layer_summary s = summarize_layer(now, line->count);
        chart_point *p = &line->points[line->count];
        *p = chart_point_at(line->count, s.active);
        p->y_low = fmax(0, s.active - s.deviation);
        p->y_high = s.active + s.deviation;
        range_add(y, p->y_high);
    }
    c->x_high = fmax(c->x_high, fmax(1, (double)now->layers - 1));
    return SIGMOE_OK;
}

static sigmoe_status draw_active(analysis *a) {
    subject s = {.a = a};
    value_range y = {0, 0};
    plan p = {.section = ACTIVE_SECTION,
        .f = {.name = "active",
            .title = "Channels above 0 in each layer",
            .caption =
                "Mean over tokens; bands: ± the standard deviation over tokens. Of a mixture of experts, "
                "only channels of the experts that were picked can be above 0."},
        .chart = analysis_chart(a),
        .print_csv = active_csv};
    p.chart.x_label = "layer";
    p.chart.y_label = "active channels of a token";
    p.chart.x_decimals = 0;
    TRY(ARENA_NEW(a->arena, p.chart.series, a->count));
    for (int i = 0; i < a->count; i++) TRY(add_active_line(a, i, &y, &p.chart));
    chart_fit_y(&p.chart, y);
    p.chart.y_low = 0;
    return analysis_add_figure(a, &s, &p);
}

// ---------------------------------------------------------------- shares of the selection weight

static sigmoe_status share_csv(FILE *out, const void *context) {
    const subject *s = context;
    fputs("model,rank,share\n", out);
    for (int i = 0; i < s->a->count; i++)
        for (int64_t e = 0; s->share[i] && e < s->a->models[i].now->experts; e++)
            fprintf(out, "%s,%" PRId64 ",%.10g\n", s->a->models[i].label, e + 1, s->share[i][e]);
    return SIGMOE_OK;
}

// The scale from the power of ten below the smallest share of all layers to the one above the largest.
static void frame_shares(value_range y, chart *c) {
    c->y_low = range_is_empty(&y) ? 1e-3 : pow(10, floor(log10(fmax(y.low, 1e-9)) - 1e-9));
    c->y_high = range_is_empty(&y) ? 1 : pow(10, ceil(log10(y.high)));
    c->log_y = true;
}

static sigmoe_status sort_shares(const analysis *a, int model, int64_t layer, double **share) {
    const ff_statistics *now = a->models[model].now;
    TRY(weight_shares(a->arena, now, layer, share));
    qsort(*share, (size_t)now->experts, sizeof **share, descending);
    return SIGMOE_OK;
}

static bool has_shares(const analysis *a, int model, int64_t layer) {
    return a->models[model].now->experts > 0 && layer < a->models[model].now->layers;
}

// The shares above 0 of a model's experts.
static sigmoe_status add_share_line(const analysis *a, int model, const double *share, chart *c) {
    int64_t experts = a->models[model].now->experts;
    chart_series line = {.name = a->names[model], .row = model, .look = LOOK_LINE, .labeled = true};
    TRY(ARENA_NEW(a->arena, line.points, experts));
    for (int64_t e = 0; e < experts; e++)
        if (share[e] > 0) line.points[line.count++] = chart_point_at((double)e + 1, share[e]);
    if (line.count > 0) c->series[c->count++] = line;
    c->x_high = fmax(c->x_high, (double)experts);
    return SIGMOE_OK;
}

// Where all models have as many experts, the share that each would have if all were used alike.
static void add_equal_shares(const analysis *a, int64_t layer, chart *c) {
    int64_t experts = 0;
    for (int i = 0; i < a->count; i++) {
        if (!has_shares(a, i, layer)) continue;
        if (experts > 0 && experts != a->models[i].now->experts) return;
        experts = a->models[i].now->experts;
    }
    c->baseline = 1 / (double)experts;
    c->baseline_name = "equal shares";
}

static sigmoe_status draw_shares(analysis *a, int64_t layer, value_range all) {
    double **share;
    TRY(ARENA_NEW(a->arena, share, a->count));
    subject s = {.a = a, .layer = layer, .share = share};
    plan p = {.section = "Shares of the selection weight",
        .f = {.name = arena_text(a->arena, "share-layer-%02" PRId64, layer),
            .title =
                arena_text(a->arena, "Layer %" PRId64 ": selection weight of the experts, sorted", layer),
            .caption = "Each expert's share of all selection weight that the layer gave. An expert that was "
                       "never picked has no point."},
        .chart = analysis_chart(a),
        .print_csv = share_csv};
    p.chart.x_label = "expert, by share";
    p.chart.y_label = "share of the selection weight";
    p.chart.x_low = 1;
    p.chart.x_high = 2;
    TRY(ARENA_NEW(a->arena, p.chart.series, a->count));
    for (int i = 0; i < a->count; i++) {
        if (!has_shares(a, i, layer)) continue;
        TRY(sort_shares(a, i, layer, &share[i]));
        TRY(add_share_line(a, i, share[i], &p.chart));
    }
    frame_shares(all, &p.chart);
    add_equal_shares(a, layer, &p.chart);
    return analysis_add_figure(a, &s, &p);
}

// All layers have one scale.
static sigmoe_status draw_all_shares(analysis *a, int64_t layers) {
    value_range y = range_empty();
    arena_mark mark = arena_here(a->arena);
    for (int64_t l = 0; l < layers; l++)
        for (int i = 0; i < a->count; i++) {
            double *share;
            if (!has_shares(a, i, l)) continue;
            TRY(weight_shares(a->arena, a->models[i].now, l, &share));
            for (int64_t e = 0; e < a->models[i].now->experts; e++)
                if (share[e] > 0) range_add(&y, share[e]);
        }
    arena_release(a->arena, mark);
    for (int64_t l = 0; l < layers; l++) TRY(draw_shares(a, l, y));
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- tokens served

static double token_share(const ff_statistics *s, int64_t layer, int64_t e) {
    return (double)s->layer[layer].chosen[e] / (double)s->layer[layer].tokens;
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

// The largest share of the tokens that an expert of any model serves: one scale for all of them.
static double highest_usage(const analysis *a) {
    double highest = 0;
    for (int i = 0; i < a->count; i++)
        for (int64_t l = 0; l < a->models[i].now->layers; l++)
            for (int64_t e = 0; e < a->models[i].now->experts; e++)
                highest = fmax(highest, 100 * token_share(a->models[i].now, l, e));
    return highest;
}

static sigmoe_status draw_usage(analysis *a, const analyzed_model *m, const char *section) {
    const ff_statistics *now = m->now;
    double *cells;
    subject s = {.a = a, .m = m, .columns = now->experts};
    TRY(ARENA_NEW(a->arena, cells, now->layers * now->experts));
    for (int64_t l = 0; l < now->layers; l++)
        for (int64_t e = 0; e < now->experts; e++) cells[l * now->experts + e] = 100 * token_share(now, l, e);
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-usage", m->label),
            .title = arena_text(a->arena, "%s: tokens that each expert serves", m->label),
            .caption = arena_text(a->arena,
                "With K of %" PRId64 " expert%s for each token, equal use would be %.3g %%.%s%s",
                now->experts, plural(now->experts),
                100 * (double)m->config.model.ff.moe.k / (double)now->experts,
                a->count > 1 ? " All models have one scale." : "",
                has_pairs(m) && !pairs_are_counted(m)
                    ? " Which experts are used together is left out: they are too many."
                    : "")},
        .map = {.x_label = "expert",
            .y_label = "layer",
            .label = "tokens served, %",
            .rows = now->layers,
            .columns = now->experts,
            .cells = cells,
            .highest = highest_usage(a)},
        .print_csv = usage_csv};
    return analysis_add_figure(a, &s, &p);
}

// ---------------------------------------------------------------- experts used together

// Row e of the counts, and its sum: 1 if the row is empty.
static const int64_t *partners(const analyzed_model *m, int64_t layer, int64_t e, double *all) {
    const int64_t *row = m->now->layer[layer].together + e * m->now->experts;
    int64_t sum = 0;
    for (int64_t f = 0; f < m->now->experts; f++) sum += row[f];
    *all = fmax(1, (double)sum);
    return row;
}

static sigmoe_status together_csv(FILE *out, const void *context) {
    const subject *s = context;
    fputs("expert,with,tokens,share\n", out);
    for (int64_t e = 0; e < s->columns; e++) {
        double all;
        const int64_t *row = partners(s->m, s->layer, e, &all);
        for (int64_t f = 0; f < s->columns; f++)
            fprintf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%.10g\n", e, f, row[f], (double)row[f] / all);
    }
    return SIGMOE_OK;
}

// All layers of a model have one scale.
static double highest_pair(const analyzed_model *m) {
    double highest = 0, all;
    for (int64_t l = 0; l < m->now->layers; l++)
        for (int64_t e = 0; e < m->now->experts; e++) {
            const int64_t *row = partners(m, l, e, &all);
            for (int64_t f = 0; f < m->now->experts; f++) highest = fmax(highest, 100 * (double)row[f] / all);
        }
    return highest;
}

static sigmoe_status draw_together(
    analysis *a, const analyzed_model *m, int64_t layer, double highest, const char *section) {
    int64_t experts = m->now->experts;
    double *cells, all;
    subject s = {.a = a, .m = m, .layer = layer, .columns = experts};
    TRY(ARENA_NEW(a->arena, cells, experts * experts));
    for (int64_t e = 0; e < experts; e++) {
        const int64_t *row = partners(m, layer, e, &all);
        for (int64_t f = 0; f < experts; f++) cells[e * experts + f] = 100 * (double)row[f] / all;
    }
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-together-layer-%02" PRId64, m->label, layer),
            .title = arena_text(a->arena, "%s, layer %" PRId64 ": experts used together", m->label, layer),
            .caption =
                "Each row: of the other experts picked for the tokens of this one, the share of each. All "
                "layers have one scale."},
        .map = {.x_label = "used together with",
            .y_label = "expert",
            .label = "of the others, %",
            .rows = experts,
            .columns = experts,
            .cells = cells,
            .highest = highest,
            .square = true},
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
    if (!has_pairs(m) || !pairs_are_counted(m)) return SIGMOE_OK;
    double highest = highest_pair(m);
    for (int64_t l = 0; l < m->now->layers; l++) TRY(draw_together(a, m, l, highest, section));
    return SIGMOE_OK;
}

static sigmoe_status draw_all(analysis *a) {
    TRY(draw_active(a));
    for (int i = 0; i < a->count; i++)
        if (has_training(&a->models[i]))
            TRY(analysis_draw_active_in_training(a, &a->models[i], ACTIVE_SECTION));
    TRY(draw_all_shares(a, layers_with_experts(a)));
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
    progress_end(&a->drawing_meter);
    return SIGMOE_OK;
}
