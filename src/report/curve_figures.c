#include "report/curve_figures.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { LOSS_BINS = 100, MOST_NAMED = 8 };

// Lines start far above the point where they part: they determine the frame only after this share of the training.
static const double OPENING = 0.1;

// ---------------------------------------------------------------- points

// Values of several seeds, one after the other.
typedef struct tally {
    int count;
    double sum, squares, first;
} tally;

static void tally_add(tally *t, double value) {
    if (!isfinite(value)) return;
    if (t->count++ == 0) t->first = value;
    t->sum += value - t->first; // so that squares of nearly equal values keep their digits
    t->squares += (value - t->first) * (value - t->first);
}

static spread tally_spread(const tally *t) {
    if (t->count == 0) return (spread){NAN, NAN};
    double mean = t->sum / t->count, rest = fmax(0, t->squares - t->count * mean * mean);
    return (spread){t->first + mean, t->count > 1 ? sqrt(rest / (t->count - 1)) : NAN};
}

typedef enum curve_x { BY_STEPS, BY_SECONDS } curve_x;

// Validation number `index` of the seeds that reached it; false if there are none.
static bool validation_at(const figure_source *s, int row, int index, curve_x by, chart_point *out) {
    tally scores = {0}, at = {0};
    for (int seed = 0; seed < s->c->plan->variants[row].seeds; seed++) {
        const run_curve *curve = result_curve(s->c, row, seed);
        if (index >= curve->validations) continue;
        const validation_point *p = &curve->validation[index];
        double score = result_point_score(s->c, p);
        if (!isfinite(score)) continue;
        tally_add(&scores, score);
        tally_add(&at, by == BY_STEPS ? (double)p->step : p->seconds);
    }
    *out = point_with_spread(tally_spread(&at).mean, tally_spread(&scores));
    return scores.count > 0;
}

double score_of_loss(const comparison_plan *p, double nats) {
    const split_sizes *train = &p->data.train;
    if (!p->bits) return exp(nats);
    bool counted = train->tokens > 0 && train->chars > 0; // otherwise a token is a byte
    return nats / M_LN2 * (counted ? (double)train->tokens / (double)train->chars : 1);
}

static int64_t bin_count(const comparison_plan *p) {
    int64_t steps = p->request->settings.steps;
    return steps < LOSS_BINS ? steps : LOSS_BINS;
}

// A seed's mean loss over the steps of bin `index`; NaN: it has none.
static double loss_in_bin(const comparison_plan *p, const run_curve *curve, int64_t index) {
    int64_t steps = p->request->settings.steps, bins = bin_count(p);
    tally nats = {0};
    for (int64_t t = steps * index / bins; t < steps * (index + 1) / bins && t < curve->steps; t++)
        tally_add(&nats, curve->loss[t]);
    return score_of_loss(p, tally_spread(&nats).mean);
}

static bool loss_at(const figure_source *s, int row, int index, curve_x by, chart_point *out) {
    const comparison_plan *p = s->c->plan;
    double steps = (double)p->request->settings.steps;
    tally scores = {0};
    (void)by;
    if (index >= bin_count(p)) return false;
    for (int seed = 0; seed < p->variants[row].seeds; seed++)
        tally_add(&scores, loss_in_bin(p, result_curve(s->c, row, seed), index));
    *out = point_with_spread(steps * (index + 0.5) / (double)bin_count(p), tally_spread(&scores));
    return scores.count > 0;
}

typedef bool point_at(const figure_source *s, int row, int index, curve_x by, chart_point *out);

// ---------------------------------------------------------------- lines

static int better_rows(const figure_source *s, int row) {
    int count = 0;
    for (int i = 0; i < s->c->plan->variant_count; i++) {
        double mine = s->summaries[row].test.mean, other = s->summaries[i].test.mean;
        count += other < mine || (other == mine && i < row) || (isnan(mine) && !isnan(other));
    }
    return count;
}

static sigmoe_status add_line(const figure_source *s, int row, point_at *at, curve_x by, chart *c) {
    chart_point point;
    bool many = rows_are_many(s->c), named = !many || better_rows(s, row) < MOST_NAMED;
    chart_series line = {
        .name = s->names[row], .row = row, .look = LOOK_LINE, .faint = many, .labeled = named};
    int count = 0;
    while (at(s, row, count, by, &point)) count++;
    if (count == 0) return SIGMOE_OK;
    TRY(ARENA_NEW(s->c->arena, line.points, count));
    for (; line.count < count; line.count++) at(s, row, line.count, by, &line.points[line.count]);
    c->series[c->count++] = line;
    return SIGMOE_OK;
}

static bool is_opening(const chart_series *line, int index) {
    return index < (int)ceil(OPENING * line->count) && index < line->count - 1;
}

// Sets the frame; returns whether points of the opening lie above it.
static bool fit(chart *c) {
    value_range y = range_empty();
    double highest = -INFINITY;
    for (int i = 0; i < c->count; i++)
        for (int j = 0; j < c->series[i].count; j++) {
            const chart_point *p = &c->series[i].points[j];
            c->x_high = fmax(c->x_high, p->x);
            highest = fmax(highest, p->y);
            if (is_opening(&c->series[i], j)) continue;
            range_add(&y, p->y);
            range_add(&y, p->y_low);
            range_add(&y, p->y_high);
        }
    chart_fit_y(c, y);
    return highest > c->y_high;
}

static sigmoe_status add_lines(
    const figure_source *s, point_at *at, curve_x by, const char *caption, figure *f, chart *c) {
    TRY(ARENA_NEW(s->c->arena, c->series, s->c->plan->variant_count));
    for (int i = 0; i < s->c->plan->variant_count; i++) TRY(add_line(s, i, at, by, c));
    c->width = CHART_WIDTH;
    c->height = CHART_HEIGHT;
    c->label_letters = chart_label_letters(s->names, s->c->plan->variant_count);
    bool cut = c->count > 0 && fit(c), seeds = s->c->plan->seed_count > 1, many = rows_are_many(s->c);
    f->caption = arena_text(s->c->arena, "%s%s%s%s", caption,
        seeds && !many ? " Lines: means over seeds; bands: ± the sample standard deviation." : "",
        many ? " The best rows are named; the pointer names the others." : "",
        cut ? " The beginning of training lies above the frame." : "");
    return f->caption ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

// ---------------------------------------------------------------- the figures

static const char *tokens_of(const figure_source *s, int64_t tokens) {
    return tokens > 0 ? arena_text(s->c->arena, "the first %" PRId64 " tokens", tokens) : "all";
}

// Validations and final scores may use different parts of the split.
static const char *validation_caption(const figure_source *s) {
    const sigmoe_compare_request *r = s->c->plan->request;
    const char *curve = tokens_of(s, r->settings.valid_tokens), *table = tokens_of(s, r->test_tokens);
    if (!curve || !table) return NULL;
    if (r->settings.valid_tokens == r->test_tokens)
        return arena_text(
            s->c->arena, "On %s of the validation split, as the valid score of the table.", curve);
    return arena_text(s->c->arena,
        "On %s of the validation split; the valid score of the table is of %s, and differs for that.", curve,
        table);
}

static sigmoe_status plan_validations(const figure_source *s, curve_x by, figure *f, chart *c) {
    const char *caption = validation_caption(s);
    c->y_label = arena_text(s->c->arena, "validation, %s", plan_unit(s->c->plan));
    if (!caption || !c->y_label) return SIGMOE_NO_MEMORY;
    TRY(baseline_of_ngram(s, &s->c->ngram.curve, c));
    return add_lines(s, validation_at, by, caption, f, c);
}

sigmoe_status plan_score_by_steps(const figure_source *s, figure *f, chart *c) {
    f->name = "curves";
    f->title = "Validation score against training steps";
    c->x_label = "training steps";
    return plan_validations(s, BY_STEPS, f, c);
}

sigmoe_status plan_score_by_seconds(const figure_source *s, figure *f, chart *c) {
    f->name = "curves-seconds";
    f->title = "Validation score against training time";
    c->x_label = "training time, seconds (validation apart)";
    return plan_validations(s, BY_SECONDS, f, c);
}

sigmoe_status plan_training_loss(const figure_source *s, figure *f, chart *c) {
    f->name = "training-loss";
    f->title = "Score of the training batches";
    c->x_label = "training steps";
    c->y_label = arena_text(s->c->arena, "training, %s", plan_unit(s->c->plan));
    if (!c->y_label) return SIGMOE_NO_MEMORY;
    return add_lines(s, loss_at, BY_STEPS,
        s->c->plan->request->settings.steps > LOSS_BINS
            ? "Cross entropy with the training's dropout, averaged over each hundredth of the training."
            : "Cross entropy with the training's dropout, of each step.",
        f, c);
}
