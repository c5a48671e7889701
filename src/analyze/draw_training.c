#include "analyze/draw_training.h"

#include "analyze/drawing.h"

#include <inttypes.h>

static double active_channels(const usage_history *u, int64_t record, int64_t layer) {
    return u->active[record * u->layers + layer];
}

// ---------------------------------------------------------------- one line per layer

typedef double layer_value(const usage_history *u, int64_t record, int64_t layer);

static sigmoe_status print_table(FILE *out, const usage_history *u, const char *name, layer_value *value) {
    fprintf(out, "step,layer,%s\n", name);
    for (int64_t i = 0; i < u->records; i++)
        for (int64_t l = 0; l < u->layers; l++)
            fprintf(out, "%" PRId64 ",%" PRId64 ",%.10g\n", u->step[i], l, value(u, i, l));
    return SIGMOE_OK;
}

static sigmoe_status add_layer(
    const analysis *a, const usage_history *u, layer_value *value, int layer, value_range *y, chart *c) {
    chart_series *line = &c->series[c->count++];
    *line = (chart_series){
        .name = arena_text(a->arena, "layer %d", layer), .row = layer, .look = LOOK_LINE, .labeled = true};
    if (!line->name) return SIGMOE_NO_MEMORY;
    TRY(ARENA_NEW(a->arena, line->points, u->records));
    for (; line->count < u->records; line->count++) {
        double v = value(u, line->count, layer);
        line->points[line->count] = chart_point_at((double)u->step[line->count], v);
        range_add(y, v);
    }
    return SIGMOE_OK;
}

// Layers have the colours of lines that are not variants.
static sigmoe_status add_layers(
    const analysis *a, const usage_history *u, layer_value *value, const char *y_label, chart *c) {
    row_style *styles;
    value_range y = {0, 0};
    *c = analysis_chart(a);
    TRY(ARENA_NEW(a->arena, styles, u->layers));
    TRY(ARENA_NEW(a->arena, c->series, u->layers));
    for (int l = 0; l < (int)u->layers; l++) {
        styles[l] = series_style(l);
        TRY(add_layer(a, u, value, l, &y, c));
    }
    c->rows = styles;
    c->row_count = (int)u->layers;
    c->label_letters = 8;
    c->x_label = "training steps";
    c->y_label = y_label;
    c->x_low = (double)u->step[0];
    c->x_high = (double)u->step[u->records - 1];
    chart_fit_y(c, y);
    c->y_low = 0;
    return SIGMOE_OK;
}

static sigmoe_status active_csv(FILE *out, const void *context) {
    return print_table(out, &((const subject *)context)->m->training, "active", active_channels);
}

sigmoe_status analysis_draw_active_in_training(analysis *a, const analyzed_model *m, const char *section) {
    subject s = {.a = a, .m = m};
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-training-active", m->label),
            .title = arena_text(a->arena, "%s: channels above 0 over training", m->label),
            .caption = "Mean over the tokens of a training batch, with the training's dropout."},
        .print_csv = active_csv};
    TRY(add_layers(a, &m->training, active_channels, "active channels of a token", &p.chart));
    return analysis_add_figure(a, &s, &p);
}

static sigmoe_status effective_csv(FILE *out, const void *context) {
    return print_table(
        out, &((const subject *)context)->m->training, "effective_experts_percent", usage_effective_percent);
}

static sigmoe_status draw_effective(analysis *a, const analyzed_model *m, const char *section) {
    subject s = {.a = a, .m = m};
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-training", m->label),
            .title = arena_text(a->arena, "%s: experts in use over training", m->label),
            .caption = "2 to the entropy of the experts' shares of the selection weight in a training batch, "
                       "over N_E: 100 % is equal use."},
        .print_csv = effective_csv};
    TRY(add_layers(a, &m->training, usage_effective_percent, "effective experts, % of all", &p.chart));
    p.chart.y_high = 105;
    return analysis_add_figure(a, &s, &p);
}

// ---------------------------------------------------------------- each expert's share, one map per layer

static sigmoe_status share_csv(FILE *out, const void *context) {
    const subject *s = context;
    const usage_history *u = &s->m->training;
    fputs("step,expert,share\n", out);
    for (int64_t i = 0; i < u->records; i++)
        for (int64_t e = 0; e < u->experts; e++)
            fprintf(out, "%" PRId64 ",%" PRId64 ",%.5g\n", u->step[i], e, usage_shares(u, i, s->layer)[e]);
    return SIGMOE_OK;
}

static double highest_share(const usage_history *u) {
    double highest = 0;
    for (int64_t i = 0; i < u->records * u->layers * u->experts; i++)
        highest = fmax(highest, 100 * u->share[i]);
    return highest;
}

static sigmoe_status draw_shares(analysis *a, const analyzed_model *m, int64_t layer, const char *section) {
    const usage_history *u = &m->training;
    double *cells;
    subject s = {.a = a, .m = m, .layer = layer, .columns = u->records};
    TRY(ARENA_NEW(a->arena, cells, u->experts * u->records));
    for (int64_t e = 0; e < u->experts; e++)
        for (int64_t i = 0; i < u->records; i++)
            cells[e * u->records + i] = 100 * usage_shares(u, i, layer)[e];
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-training-layer-%02" PRId64, m->label, layer),
            .title = arena_text(
                a->arena, "%s, layer %" PRId64 ": selection weight over training", m->label, layer),
            .caption =
                "Each column: the experts' shares of the selection weight in a training batch. All layers "
                "have one scale."},
        .map = {.x_label = "training steps",
            .y_label = "expert",
            .label = "of the weight, %",
            .rows = u->experts,
            .columns = u->records,
            .cells = cells,
            .highest = highest_share(u),
            .x_values = u->step},
        .print_csv = share_csv};
    return analysis_add_figure(a, &s, &p);
}

sigmoe_status analysis_draw_experts_in_training(analysis *a, const analyzed_model *m, const char *section) {
    TRY(draw_effective(a, m, section));
    for (int64_t l = 0; l < m->training.layers; l++) TRY(draw_shares(a, m, l, section));
    return SIGMOE_OK;
}
