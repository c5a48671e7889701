#include "report/cost_figures.h"

#include "report/pareto.h"

#include <math.h>

enum { WIDTH = 440, HEIGHT = 340 };

// A row's cost, with its interval where it has one.
typedef quartiles cost_of(const figure_source *s, int row);

static quartiles flops(const figure_source *s, int row) {
    return (quartiles){NAN, 100 * s->c->plan->variants[row].flops_share, NAN};
}

static quartiles milliseconds(const figure_source *s, int row) {
    quartiles q = s->summaries[row].feedforward_seconds;
    return (quartiles){1e3 * q.low, 1e3 * q.median, 1e3 * q.high};
}

static quartiles megabytes(const figure_source *s, int row) {
    return (quartiles){NAN, 1e-6 * s->summaries[row].peak_activation_bytes, NAN};
}

static bool is_known(const figure_source *s, cost_of *cost, int row) {
    return isfinite(s->summaries[row].test.mean) && isfinite(cost(s, row).median);
}

static sigmoe_status add_points(const figure_source *s, cost_of *cost, chart *c) {
    const comparison_plan *p = s->c->plan;
    value_range y = range_empty();
    TRY(ARENA_NEW(s->c->arena, c->series, p->variant_count));
    for (int i = 0; i < p->variant_count; i++) {
        if (!is_known(s, cost, i)) continue;
        quartiles q = cost(s, i);
        chart_series *series = &c->series[c->count++];
        *series = (chart_series){.name = s->names[i], .row = i, .look = LOOK_POINTS, .count = 1};
        TRY(ARENA_NEW(s->c->arena, series->points, 1));
        *series->points = point_with_spread(q.median, s->summaries[i].test);
        series->points->x_low = q.low;
        series->points->x_high = q.high;
        range_add(&y, series->points->y);
        range_add(&y, series->points->y_low);
        range_add(&y, series->points->y_high);
        c->x_high = fmax(c->x_high, 1.08 * fmax(q.median, isnan(q.high) ? 0 : q.high));
    }
    if (c->count > 0) chart_fit_y(c, y);
    return SIGMOE_OK;
}

// A staircase from the cheapest row to the best one, as long as the plot is wide.
static sigmoe_status add_front(const figure_source *s, chart *c) {
    cost_point *points;
    chart_point *front;
    int *order, count;
    TRY(ARENA_NEW(s->c->arena, points, c->count));
    for (int i = 0; i < c->count; i++)
        points[i] = (cost_point){.cost = c->series[i].points->x, .score = c->series[i].points->y};
    TRY(pareto_front(s->c->arena, points, c->count, &order, &count));
    TRY(ARENA_NEW(s->c->arena, front, 2 * count + 2));
    int used = 0;
    if (count > 0) front[used++] = chart_point_at(points[order[0]].cost, c->y_high);
    for (int i = 0; i < count; i++) {
        if (i > 0) front[used++] = chart_point_at(points[order[i]].cost, points[order[i - 1]].score);
        front[used++] = chart_point_at(points[order[i]].cost, points[order[i]].score);
    }
    if (count > 0) front[used++] = chart_point_at(c->x_high, points[order[count - 1]].score);
    c->front = front;
    c->front_count = used;
    for (int i = 0; i < c->count; i++) {
        c->series[i].labeled = !rows_are_many(s->c) || points[i].on_front;
        c->series[i].faint = !c->series[i].labeled;
    }
    return SIGMOE_OK;
}

static sigmoe_status plan_cost(const figure_source *s, cost_of *cost, figure *f, chart *c) {
    f->caption = "";
    c->y_label = arena_text(s->c->arena, "test, %s", plan_unit(s->c->plan));
    if (!c->y_label) return SIGMOE_NO_MEMORY;
    c->width = WIDTH;
    c->height = HEIGHT;
    TRY(baseline_of_ngram(s, &s->c->ngram.test, c));
    TRY(add_points(s, cost, c));
    return c->count > 0 ? add_front(s, c) : SIGMOE_OK;
}

sigmoe_status plan_score_by_flops(const figure_source *s, figure *f, chart *c) {
    f->name = "quality-flops";
    f->title = "Test score against multiply-adds";
    c->x_label = "FF multiply-adds, % of the dense block";
    return plan_cost(s, flops, f, c);
}

sigmoe_status plan_score_by_time(const figure_source *s, figure *f, chart *c) {
    f->name = "quality-time";
    f->title = "Test score against measured time";
    c->x_label = "FF time of a step, ms";
    return plan_cost(s, milliseconds, f, c);
}

sigmoe_status plan_score_by_memory(const figure_source *s, figure *f, chart *c) {
    f->name = "quality-memory";
    f->title = "Test score against memory";
    c->x_label = "peak activations, MB";
    return plan_cost(s, megabytes, f, c);
}
