// The figures with a line for each variant: validation score by steps and by seconds, training loss.
#include "report/curves_figure.h"

#include <inttypes.h>
#include <math.h>

enum { LOSS_BINS = 100 };

// Lines start far above the point where they part: they determine the frame only after this share of the training.
static const double OPENING = 0.1;

// ---------------------------------------------------------------- data

typedef struct mean_point {
    double step, seconds, mean, low, high;
} mean_point;

// Mean score and median time of the seeds that reached validation number `index`; false if there are none. The time is the
// median of at most MOST_SEEDS seeds.
static bool validation_at(const comparison_result *c, int variant, int index, mean_point *out) {
    enum { MOST_SEEDS = 64 };
    double seconds[MOST_SEEDS];
    value_range range = range_empty();
    int count = 0;
    *out = (mean_point){0};
    for (int s = 0; s < c->plan->variants[variant].seeds; s++) {
        const run_curve *curve = result_curve(c, variant, s);
        if (index >= curve->validations) continue;
        const validation_point *p = &curve->validation[index];
        double score = result_point_score(c, p);
        if (isnan(score)) continue;
        out->step = (double)p->step;
        if (count < MOST_SEEDS) seconds[count] = p->seconds;
        out->mean += score;
        range_add(&range, score);
        count++;
    }
    out->seconds = quartiles_of(seconds, count < MOST_SEEDS ? count : MOST_SEEDS).median;
    out->mean /= count;
    out->low = range.low;
    out->high = range.high;
    return count > 0;
}

// Mean loss over the seeds and over the steps of bin `index`.
static bool loss_at(const comparison_result *c, int variant, int index, mean_point *out) {
    double first = 0, last = 0, sum = 0;
    int64_t count = 0;
    for (int s = 0; s < c->plan->variants[variant].seeds; s++) {
        const run_curve *curve = result_curve(c, variant, s);
        int64_t bins =
            c->plan->request->settings.steps < LOSS_BINS ? c->plan->request->settings.steps : LOSS_BINS;
        if (index >= bins) return false;
        int64_t begin = c->plan->request->settings.steps * index / bins;
        int64_t end = c->plan->request->settings.steps * (index + 1) / bins;
        first = (double)begin;
        last = (double)end;
        for (int64_t t = begin; t < end && t < curve->steps; t++)
            if (isfinite(curve->loss[t])) sum += curve->loss[t], count++;
    }
    double mean = sum / (double)count;
    *out = (mean_point){(first + last) / 2, 0, mean, mean, mean};
    return count > 0;
}

typedef bool point_at(const comparison_result *c, int variant, int index, mean_point *out);

static void print_blocks(FILE *out, const comparison_result *c, point_at *at) {
    for (int i = 0; i < c->plan->variant_count; i++) {
        mean_point p;
        fprintf(out, "$v%d << END\n", i);
        for (int j = 0; at(c, i, j, &p); j++)
            fprintf(out, "%.9g %.9g %.9g %.9g %.9g\n", p.step, p.seconds, p.mean, p.low, p.high);
        fputs("END\n", out);
    }
}

static void print_validations(FILE *out, const comparison_result *c, const variant_summary *summaries) {
    (void)summaries;
    print_blocks(out, c, validation_at);
}

static void print_losses(FILE *out, const comparison_result *c, const variant_summary *summaries) {
    (void)summaries;
    print_blocks(out, c, loss_at);
}

// ---------------------------------------------------------------- lines

// The variant's marker is drawn a few times along the line.
static void print_line(FILE *out, const comparison_result *c, int variant, int column, int markers) {
    int interval = markers > 6 ? (markers + 5) / 6 : 1;
    fprintf(out, "$v%d using %d:3 with linespoints lc rgb '#%06x' lw 2.2 dt %d pt %d ps 0.7 pi %d title '%s'",
        variant, column, series_color(variant), series_dash(variant), series_marker(variant), interval,
        c->plan->variants[variant].label);
}

static void print_band(FILE *out, int variant, int column) {
    fprintf(out,
        "$v%d using %d:4:5 with filledcurves fc rgb '#%06x' fs transparent solid 0.16 noborder notitle, \\\n",
        variant, column, series_color(variant));
}

static int point_count(const comparison_result *c, int variant, point_at *at) {
    mean_point p;
    int count = 0;
    while (at(c, variant, count, &p)) count++;
    return count;
}

static void print_lines(FILE *out, const comparison_result *c, point_at *at, int column, bool baseline) {
    const char *separator = "plot ";
    bool bands = c->plan->seed_count > 1 && at == validation_at;
    for (int i = 0; i < c->plan->variant_count; i++) {
        int points = point_count(c, i, at);
        if (points == 0) continue;
        fputs(separator, out);
        if (bands) print_band(out, i, column);
        print_line(out, c, i, column, points);
        separator = ", \\\n";
    }
    if (baseline)
        fprintf(out, ", %.9g with lines lc rgb '#%06x' lw 1.6 dt 2 title 'order-%d n-gram'",
            plan_score(c->plan, &c->ngram.curve), figure_colors[COLOR_BASELINE].light, c->ngram.order);
    fputc('\n', out);
}

enum { COLUMN_STEP = 1, COLUMN_SECONDS = 2 };

static void plot_by_steps(
    FILE *out, const comparison_result *c, const variant_summary *summaries, const figure_plot *p) {
    (void)summaries, (void)p;
    print_lines(out, c, validation_at, COLUMN_STEP, c->ngram.known);
}

static void plot_by_seconds(
    FILE *out, const comparison_result *c, const variant_summary *summaries, const figure_plot *p) {
    (void)summaries, (void)p;
    print_lines(out, c, validation_at, COLUMN_SECONDS, c->ngram.known);
}

static void plot_losses(
    FILE *out, const comparison_result *c, const variant_summary *summaries, const figure_plot *p) {
    (void)summaries, (void)p;
    print_lines(out, c, loss_at, COLUMN_STEP, false);
}

// ---------------------------------------------------------------- frames

typedef struct frame {
    value_range y; // of the data after the opening
    double last_step, last_second;
    bool cut; // points of the opening lie above the frame
} frame;

static frame frame_of(const comparison_result *c, point_at *at) {
    frame f = {.y = range_empty()};
    double begin = OPENING * (double)c->plan->request->settings.steps, highest = -INFINITY;
    mean_point p;
    for (int i = 0; i < c->plan->variant_count; i++)
        for (int j = 0; at(c, i, j, &p); j++) {
            f.last_step = fmax(f.last_step, p.step);
            f.last_second = fmax(f.last_second, p.seconds);
            highest = fmax(highest, p.high);
            if (p.step < begin) continue;
            range_add(&f.y, p.low);
            range_add(&f.y, p.high);
        }
    f.cut = highest > f.y.high;
    return f;
}

static const char *plot_texts(const comparison_result *c, const char *what) {
    return arena_text(c->arena, "%s, %s", what, plan_unit(c->plan));
}

static sigmoe_status plan_validations(
    const comparison_result *c, figure *f, figure_plot *plot, frame *frame_out) {
    frame fr = frame_of(c, validation_at);
    *frame_out = fr;
    const char *baseline =
        arena_text(c->arena, " The dashed line is the order-%d n-gram's score.", c->ngram.order);
    f->caption = arena_text(c->arena, "Each line is a variant%s.%s%s",
        c->plan->seed_count > 1 ? ": the mean over seeds, the band their range" : "",
        fr.cut ? " Points of the first tenth of training that lie above the frame are not shown." : "",
        c->ngram.known && baseline ? baseline : "");
    plot->frame.y_label = plot_texts(c, "validation");
    if (!baseline || !f->caption || !plot->frame.y_label) return SIGMOE_NO_MEMORY;
    if (range_is_empty(&fr.y)) return SIGMOE_OK;
    value_range y = fr.y;
    if (c->ngram.known) range_add(&y, plan_score(c->plan, &c->ngram.curve));
    range_to_y(y, &plot->frame);
    plan_key(c, true, c->ngram.known, plot);
    plot->print_data = print_validations;
    return SIGMOE_OK;
}

sigmoe_status plan_score_by_steps(
    const comparison_result *c, const variant_summary *summaries, figure *f, figure_plot *plot) {
    (void)summaries;
    frame fr;
    f->name = "curves";
    f->title = "Validation score against training steps";
    TRY(plan_validations(c, f, plot, &fr));
    plot->frame.x_label = "training steps";
    plot->frame.x_high = fr.last_step;
    if (plot->print_data) plot->print_plot = plot_by_steps;
    return SIGMOE_OK;
}

sigmoe_status plan_score_by_seconds(
    const comparison_result *c, const variant_summary *summaries, figure *f, figure_plot *plot) {
    (void)summaries;
    frame fr;
    f->name = "curves-seconds";
    f->title = "Validation score against training time";
    TRY(plan_validations(c, f, plot, &fr));
    plot->frame.x_label = "training time, seconds (validation apart)";
    plot->frame.x_high = fr.last_second;
    if (plot->print_data) plot->print_plot = plot_by_seconds;
    return SIGMOE_OK;
}

sigmoe_status plan_training_loss(
    const comparison_result *c, const variant_summary *summaries, figure *f, figure_plot *plot) {
    (void)summaries;
    frame fr = frame_of(c, loss_at);
    f->name = "training-loss";
    f->title = "Training loss";
    f->caption =
        arena_text(c->arena, "Cross entropy of the training batches, averaged over seeds and over %s.%s",
            c->plan->request->settings.steps > LOSS_BINS ? "each hundredth of the training" : "each step",
            fr.cut ? " The first tenth lies partly above the frame." : "");
    if (!f->caption) return SIGMOE_NO_MEMORY;
    if (range_is_empty(&fr.y)) return SIGMOE_OK;
    *plot = (figure_plot){.frame = {.x_label = "training steps",
                              .y_label = "training loss, nats/token",
                              .x_high = (double)c->plan->request->settings.steps},
        .print_data = print_losses,
        .print_plot = plot_losses};
    plan_key(c, true, false, plot);
    range_to_y(fr.y, &plot->frame);
    return SIGMOE_OK;
}
