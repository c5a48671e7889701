#include "report/run_figures.h"

#include "report/curve_figures.h"
#include "report/run_history.h"
#include "train/expert_load.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

// What a run's figures are drawn from.
typedef struct run_source {
    const figure_source *s;
    planned_run run;
    const char *directory;
    run_history history;
    usage_history usage;
    row_style layers[64]; // styles of lines that are layers
} run_source;

static arena *memory_of(const run_source *r) {
    return r->s->c->arena;
}

// ---------------------------------------------------------------- one line of a log

static void frame_lines(const run_source *r, chart *c) {
    value_range y = range_empty();
    for (int i = 0; i < c->count; i++)
        for (int j = 0; j < c->series[i].count; j++) {
            const chart_point *p = &c->series[i].points[j];
            range_add(&y, p->y);
            range_add(&y, p->y_low);
            range_add(&y, p->y_high);
        }
    if (range_is_empty(&y)) {
        c->count = 0;
        return;
    }
    chart_fit_y(c, y);
    c->x_high = (double)r->history.steps;
}

// The mean of each part of the training, and, as a band, its least and most.
static sigmoe_status add_log(const run_source *r, step_number which, const char *name, chart *c) {
    const run_history *h = &r->history;
    chart_series line = {.name = name, .row = r->run.variant, .look = LOOK_LINE};
    TRY(ARENA_NEW(memory_of(r), line.points, h->parts));
    for (int i = 0; i < h->parts; i++) {
        if (isnan(h->mean[which][i])) continue;
        chart_point *p = &line.points[line.count++];
        *p = chart_point_at(h->at[i], h->mean[which][i]);
        if (h->steps == h->parts) continue;
        p->y_low = h->least[which][i];
        p->y_high = h->most[which][i];
    }
    if (line.count > 0) c->series[c->count++] = line;
    return SIGMOE_OK;
}

static const char *parts_caption(const run_source *r, const char *what) {
    const run_history *h = &r->history;
    return h->steps == h->parts ? arena_text(memory_of(r), "%s of each step.", what)
                                : arena_text(memory_of(r),
                                      "%s: the line is the mean over each of %d parts of the training, the "
                                      "band reaches from the least step to the most.",
                                      what, h->parts);
}

static chart start_chart(const figure_source *s) {
    return (chart){.rows = s->styles,
        .row_count = s->c->plan->variant_count,
        .x_decimals = -1,
        .baseline = NAN,
        .x_label = "training steps",
        .width = CHART_WIDTH,
        .height = CHART_HEIGHT};
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// A few steps that the machine or the training stumbled over would squash all others.
static void fit_to_most(const run_source *r, step_number which, chart *c) {
    const run_history *h = &r->history;
    double means[MOST_PARTS];
    int count = 0;
    for (int i = 0; i < h->parts; i++)
        if (isfinite(h->mean[which][i])) means[count++] = h->mean[which][i];
    if (count == 0) return;
    qsort(means, (size_t)count, sizeof *means, ascending);
    double low = means[count / 50], high = means[count - 1 - count / 50], span = high - low;
    chart_fit_y(c, (value_range){low - 0.1 * span, high + 0.3 * span});
}

static sigmoe_status plan_log(
    const run_source *r, step_number which, const char *what, const char *unit, figure *f, chart *c) {
    f->caption = parts_caption(r, what);
    c->y_label = unit;
    TRY(ARENA_NEW(memory_of(r), c->series, 1));
    TRY(add_log(r, which, what, c));
    frame_lines(r, c);
    if (c->count > 0) fit_to_most(r, which, c);
    return f->caption ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

static sigmoe_status plan_rate(const run_source *r, figure *f, chart *c) {
    f->name = "learning-rate";
    f->title = "Learning rate";
    TRY(plan_log(r, STEP_RATE, "Learning rate", "learning rate, 1e-3", f, c));
    for (int i = 0; c->count > 0 && i < c->series->count; i++) {
        chart_point *p = &c->series->points[i];
        *p = chart_point_at(p->x, 1e3 * p->y);
    }
    frame_lines(r, c);
    if (c->count > 0) c->y_low = 0;
    return SIGMOE_OK;
}

static sigmoe_status plan_gradient(const run_source *r, figure *f, chart *c) {
    double clip = r->s->c->plan->request->settings.clip;
    f->name = "gradient-norm";
    f->title = "Norm of the gradient";
    if (clip > 0) {
        c->baseline = clip;
        c->baseline_name = arena_text(memory_of(r), "clipped at %g", clip);
        if (!c->baseline_name) return SIGMOE_NO_MEMORY;
    }
    return plan_log(r, STEP_GRADIENT, "Gradient norm before it is clipped", "gradient norm", f, c);
}

static sigmoe_status plan_speed(const run_source *r, figure *f, chart *c) {
    f->name = "speed";
    f->title = "Speed of training";
    TRY(plan_log(r, STEP_SPEED, "Tokens per second", "thousand tokens/s", f, c));
    for (int i = 0; c->count > 0 && i < c->series->count; i++) {
        chart_point *p = &c->series->points[i];
        p->y *= 1e-3;
        p->y_low *= 1e-3;
        p->y_high *= 1e-3;
    }
    c->y_low *= 1e-3;
    c->y_high *= 1e-3;
    value_range y = {c->y_low, c->y_high};
    chart_fit_y(c, y);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- scores

static sigmoe_status add_validations(const run_source *r, chart *c) {
    const run_curve *curve = result_curve(r->s->c, r->run.variant, r->run.seed);
    chart_series line = {.name = "validation", .row = r->run.variant, .look = LOOK_LINE, .labeled = true};
    TRY(ARENA_NEW(memory_of(r), line.points, curve->validations));
    for (int i = 0; i < curve->validations; i++) {
        double score = result_point_score(r->s->c, &curve->validation[i]);
        if (isfinite(score))
            line.points[line.count++] = chart_point_at((double)curve->validation[i].step, score);
    }
    if (line.count > 0) c->series[c->count++] = line;
    return SIGMOE_OK;
}

static sigmoe_status add_losses(const run_source *r, chart *c) {
    const run_history *h = &r->history;
    chart_series line = {
        .name = "training", .row = r->run.variant, .look = LOOK_LINE, .faint = true, .labeled = true};
    TRY(ARENA_NEW(memory_of(r), line.points, h->parts));
    for (int i = 0; i < h->parts; i++)
        if (isfinite(h->mean[STEP_LOSS][i]))
            line.points[line.count++] =
                chart_point_at(h->at[i], score_of_loss(r->s->c->plan, h->mean[STEP_LOSS][i]));
    if (line.count > 0) c->series[c->count++] = line;
    return SIGMOE_OK;
}

static sigmoe_status plan_scores(const run_source *r, figure *f, chart *c) {
    value_range y = range_empty();
    f->name = "scores";
    f->title = "Scores in training";
    f->caption = "The thick line is the validation split, without dropout; the thin one is the training "
                 "batches, with it.";
    c->y_label = plan_unit(r->s->c->plan);
    c->label_letters = 10;
    TRY(ARENA_NEW(memory_of(r), c->series, 2));
    TRY(add_losses(r, c));
    TRY(add_validations(r, c));
    frame_lines(r, c);
    for (int i = 0; i < c->count; i++)
        for (int j = c->series[i].count / 10; j < c->series[i].count; j++)
            range_add(&y, c->series[i].points[j].y);
    if (c->count > 0) chart_fit_y(c, y);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- what the blocks did

typedef double layer_value(const usage_history *u, int64_t record, int64_t layer);

static double active_channels(const usage_history *u, int64_t record, int64_t layer) {
    return u->active[record * u->layers + layer];
}

static sigmoe_status plan_layers(run_source *r, layer_value *value, chart *c) {
    enum { MOST_LAYERS = sizeof r->layers / sizeof *r->layers };
    const usage_history *u = &r->usage;
    value_range y = {0, 0};
    if (u->records < 2 || u->layers > MOST_LAYERS) return SIGMOE_OK;
    TRY(ARENA_NEW(memory_of(r), c->series, u->layers));
    for (int l = 0; l < (int)u->layers; l++) {
        chart_series *line = &c->series[c->count++];
        r->layers[l] = series_style(l);
        *line = (chart_series){
            .name = arena_text(memory_of(r), "layer %d", l), .row = l, .look = LOOK_LINE, .labeled = true};
        if (!line->name) return SIGMOE_NO_MEMORY;
        TRY(ARENA_NEW(memory_of(r), line->points, u->records));
        for (; line->count < u->records; line->count++) {
            line->points[line->count] =
                chart_point_at((double)u->step[line->count], value(u, line->count, l));
            range_add(&y, line->points[line->count].y);
        }
    }
    c->rows = r->layers;
    c->row_count = (int)u->layers;
    c->label_letters = 8;
    c->x_high = (double)u->step[u->records - 1];
    chart_fit_y(c, y);
    c->y_low = 0;
    return SIGMOE_OK;
}

static sigmoe_status plan_experts(run_source *r, figure *f, chart *c) {
    f->name = "experts";
    f->title = "Experts in use";
    f->caption = "2 to the entropy of the experts' shares of the selection weight in a training batch, over "
                 "the number of experts: 100 % is equal use.";
    c->y_label = "effective experts, % of all";
    if (r->usage.experts == 0) return SIGMOE_OK;
    TRY(plan_layers(r, usage_effective_percent, c));
    c->y_high = 105;
    return SIGMOE_OK;
}

static sigmoe_status plan_active(run_source *r, figure *f, chart *c) {
    f->name = "active";
    f->title = "Channels above 0";
    f->caption = "Mean over the tokens of a training batch, with the training's dropout.";
    c->y_label = "active channels of a token";
    return plan_layers(r, active_channels, c);
}

// ---------------------------------------------------------------- all of them

static sigmoe_status plan_figure(run_source *r, enum run_figure which, figure *f, chart *c) {
    switch (which) {
    case RUN_SCORES:
        return plan_scores(r, f, c);
    case RUN_RATE:
        return plan_rate(r, f, c);
    case RUN_GRADIENT:
        return plan_gradient(r, f, c);
    case RUN_SPEED:
        return plan_speed(r, f, c);
    case RUN_EXPERTS:
        return plan_experts(r, f, c);
    default:
        return plan_active(r, f, c);
    }
}

static sigmoe_status draw_all(run_source *r, figure figures[RUN_FIGURES]) {
    for (int i = 0; i < RUN_FIGURES; i++) {
        chart c = start_chart(r->s);
        figures[i] = (figure){.page_only = true};
        TRY(plan_figure(r, (enum run_figure)i, &figures[i], &c));
        if (c.count > 0) TRY(chart_draw(memory_of(r), r->directory, &c, &figures[i]));
    }
    return SIGMOE_OK;
}

sigmoe_status run_figures_draw(
    const figure_source *s, planned_run run, const char *directory, figure figures[RUN_FIGURES]) {
    const model_config *m = &s->c->plan->variants[run.variant].config.model;
    bool logits;
    run_source *r; // too large for the stack
    TRY(ARENA_NEW(s->c->arena, r, 1));
    r->s = s;
    r->run = run;
    r->directory = directory;
    TRY(run_history_read(directory, &r->history));
    TRY(usage_history_read(directory, m->n_layers,
        m->variant->experts ? m->variant->experts(&m->ff, &logits) : 0, s->c->arena, &r->usage));
    return draw_all(r, figures);
}
