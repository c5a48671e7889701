#include "watch/screen.h"

#include "base/grouped.h"
#include "plot/figure.h"
#include "plot/text_chart.h"
#include "train/quartiles.h"
#include "watch/shown_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 1, LABEL = 9, LEAST_COLUMNS = 30, MOST_COLUMNS = 240, LINE = 1024 };

// ---------------------------------------------------------------- lines of parts

// A line that parts are added to as long as they fit.
typedef struct line {
    FILE *out;
    int columns, used;
    bool color, full;
} line;

static line begin_line(FILE *out, const run_screen *s, const char *label) {
    fprintf(
        out, "%*s%s%-*s%s", INDENT, "", s->color ? "\x1b[2m" : "", LABEL, label, s->color ? "\x1b[0m" : "");
    return (line){.out = out, .columns = s->columns, .used = INDENT + LABEL, .color = s->color};
}

// `strong`: what matters most. A part that does not fit ends the line.
static void add(line *l, bool strong, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(line *l, bool strong, const char *format, ...) {
    char text[LINE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int gap = l->used > INDENT + LABEL ? 3 : 0, letters = letter_count(text);
    l->full |= l->used + gap + letters > l->columns;
    if (l->full) return;
    fprintf(l->out, "%*s%s%s%s", gap, "", strong && l->color ? "\x1b[1m" : "", text,
        strong && l->color ? "\x1b[0m" : "");
    l->used += gap + letters;
}

static void end_line(line *l) {
    putc('\n', l->out);
}

// ---------------------------------------------------------------- head

static const char *state_name(run_state state) {
    return state == RUN_TRAINING ? "training" : state == RUN_DONE ? "done" : "stopped";
}

static int64_t steps_done(const run_screen *s) {
    const series *steps = &s->series->steps;
    return steps->count > 0 ? steps->step[steps->count - 1] + 1 : 0;
}

static double part_done(const run_screen *s) {
    double part = s->steps > 0 ? (double)steps_done(s) / (double)s->steps : 1;
    return part > 1 ? 1 : part;
}

static void print_head(FILE *out, const run_screen *s) {
    char right[128];
    snprintf(right, sizeof right, "%s, step %s of %s, %.0f %%", state_name(s->state),
        grouped(steps_done(s)).text, grouped(s->steps).text, floor(100 * part_done(s)));
    int room = s->columns - 2 * INDENT - letter_count(right) - 2;
    fprintf(out, "%*s%s", INDENT, "", s->color ? "\x1b[1m" : "");
    int used = room > 0 ? shown_text_print(out, s->name, room) : 0;
    fprintf(out, "%s%*s%s\n", s->color ? "\x1b[0m" : "", room > 0 ? room - used + 2 : 0, "", right);
}

static void print_bar(FILE *out, const run_screen *s) {
    int columns = s->columns - 2 * INDENT, done = (int)floor(part_done(s) * columns);
    fprintf(out, "%*s%s", INDENT, "", s->color ? "\x1b[96m" : "");
    for (int i = 0; i < done; i++) fputs("━", out);
    fputs(s->color ? "\x1b[0;2m" : "", out);
    for (int i = done; i < columns; i++) fputs("─", out);
    fprintf(out, "%s\n", s->color ? "\x1b[0m" : "");
}

// ---------------------------------------------------------------- numbers

static double newest(const series *s, int column) {
    return s->count > 0 ? series_value(s, s->count - 1, column) : NAN;
}

// Of the newest steps, so that one that was slow does not count.
static double median_speed(const series *s) {
    enum { STEPS = 100 };
    double speeds[STEPS];
    int count = 0;
    for (int64_t i = s->count - 1; i >= 0 && i >= s->count - STEPS; i--)
        if (series_value(s, i, STEP_SPEED) > 0) speeds[count++] = series_value(s, i, STEP_SPEED);
    return quartiles_of(speeds, count).median;
}

static double mean_loss(const series *s) {
    enum { STEPS = 25 };
    double sum = 0;
    int count = 0;
    for (int64_t i = s->count - 1; i >= 0 && i >= s->count - STEPS; i--)
        if (isfinite(series_value(s, i, STEP_LOSS))) sum += series_value(s, i, STEP_LOSS), count++;
    return count > 0 ? sum / count : NAN;
}

static void add_time_left(line *l, const run_screen *s) {
    double speed = median_speed(&s->series->steps);
    int64_t left = s->steps - steps_done(s);
    if (s->state != RUN_TRAINING || s->step_tokens == 0 || !(speed > 0) || left <= 0) return;
    double seconds = (double)left * (double)s->step_tokens / speed;
    if (seconds > 3e9) return;
    long whole = lround(seconds);
    if (whole >= 3600)
        add(l, true, "%ld:%02ld:%02ld left", whole / 3600, whole / 60 % 60, whole % 60);
    else
        add(l, true, "%ld:%02ld left", whole / 60, whole % 60);
}

static void print_training(FILE *out, const run_screen *s) {
    const series *steps = &s->series->steps;
    double speed = median_speed(steps);
    line l = begin_line(out, s, "training");
    if (steps->count == 0) {
        add(&l, false, "no step yet");
        end_line(&l);
        return;
    }
    add(&l, true, "loss %.4f", mean_loss(steps));
    if (isfinite(speed)) add(&l, false, "%s tokens/s", grouped(llround(speed)).text);
    add_time_left(&l, s);
    add(&l, false, "rate %.3g", newest(steps, STEP_LR));
    add(&l, false, "gradient %.3g", newest(steps, STEP_GRADIENT));
    end_line(&l);
}

static int64_t best_validation(const series *s) {
    int64_t best = -1;
    for (int64_t i = 0; i < s->count; i++) {
        double value = series_value(s, i, VALID_NATS);
        if (isfinite(value) && (best < 0 || value < series_value(s, best, VALID_NATS))) best = i;
    }
    return best;
}

static void print_validation(FILE *out, const run_screen *s) {
    const series *valid = &s->series->validations;
    int64_t best = best_validation(valid);
    if (valid->count == 0) return;
    line l = begin_line(out, s, "valid");
    double bits = newest(valid, VALID_BITS_PER_CHAR);
    add(&l, true, "loss %.4f", newest(valid, VALID_NATS));
    if (isfinite(bits)) add(&l, false, "%.4f bits/char", bits);
    add(&l, false, "perplexity %.4g", newest(valid, VALID_PERPLEXITY));
    add(&l, false, "step %s", grouped(valid->step[valid->count - 1]).text);
    if (best >= 0 && best < valid->count - 1)
        add(&l, false, "best %.4f at %s", series_value(valid, best, VALID_NATS),
            grouped(valid->step[best]).text);
    end_line(&l);
}

// ---------------------------------------------------------------- curve

typedef struct curve {
    double *x, *y;
} curve;

static bool take_curve(const series *s, int column, int64_t add_to_step, curve *c) {
    c->x = malloc((size_t)(s->count > 0 ? s->count : 1) * sizeof *c->x);
    c->y = malloc((size_t)(s->count > 0 ? s->count : 1) * sizeof *c->y);
    for (int64_t i = 0; c->x && c->y && i < s->count; i++) {
        c->x[i] = (double)(s->step[i] + add_to_step);
        c->y[i] = series_value(s, i, column);
    }
    return c->x && c->y;
}

static void print_curves(FILE *out, const run_screen *s, int lines) {
    const series *steps = &s->series->steps, *valid = &s->series->validations;
    curve loss = {0}, score = {0};
    if (take_curve(steps, STEP_LOSS, 1, &loss) && take_curve(valid, VALID_NATS, 0, &score)) {
        const text_series both[] = {{.count = steps->count, .x = loss.x, .y = loss.y},
            {.strong = true, .color = 1, .count = valid->count, .x = score.x, .y = score.y}};
        text_chart c = {.columns = s->columns - INDENT,
            .lines = lines,
            .x_high = (double)(s->steps > steps_done(s) ? s->steps : steps_done(s)),
            .x_unit = "steps",
            .color = s->color,
            .series = both,
            .count = 2};
        if (c.x_high > 0 && text_chart_fit(&c)) text_chart_print(out, &c, INDENT);
    }
    free(loss.x);
    free(loss.y);
    free(score.x);
    free(score.y);
}

static void print_legend(FILE *out, const run_screen *s) {
    bool valid = s->series->validations.count > 0;
    line l = begin_line(out, s, "");
    text_color_begin(out, s->color, 0, false);
    add(&l, false, "⣀⣀ loss of the batches");
    text_color_end(out, s->color);
    text_color_begin(out, s->color && valid, 1, true);
    if (valid) add(&l, false, "⠒⠒ of the validations, nats per token");
    text_color_end(out, s->color && valid);
    end_line(&l);
}

// ---------------------------------------------------------------- experts

// Shares of neighbours together where there is no room for each expert. A half-high bar is an equal share.
static int print_bars(FILE *out, const double *share, int64_t experts, int room) {
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int64_t each = (experts + room - 1) / room;
    int used = 0;
    for (int64_t e = 0; e < experts; e += each, used++) {
        int64_t count = experts - e < each ? experts - e : each;
        double sum = 0;
        for (int64_t i = 0; i < count; i++) sum += share[e + i];
        double equal = sum * (double)experts / (double)count;
        int height = (int)ceil(4 * equal) - 1;
        fputs(sum <= 0 ? "·" : bars[height < 0 ? 0 : height > 7 ? 7 : height], out);
    }
    return used;
}

static void print_layer(FILE *out, const run_screen *s, int64_t layer) {
    enum { NAME = 9, NUMBERS = 26 };
    const expert_shares *load = &s->series->load;
    const double *share = load->share + layer * load->experts;
    double nats = 0;
    int64_t dead = 0;
    line l = begin_line(out, s, layer == 0 ? "experts" : "");
    for (int64_t e = 0; e < load->experts; e++) {
        dead += share[e] <= 0;
        if (share[e] > 0) nats -= share[e] * log(share[e]);
    }
    int room = s->columns - l.used - NAME - NUMBERS;
    fprintf(out, "layer %-2" PRId64 " ", layer);
    l.used += NAME;
    if (room > 0) l.used += print_bars(out, share, load->experts, room < 64 ? room : 64);
    add(&l, false, "%3.0f %% even", 100 * exp(nats) / (double)load->experts);
    if (dead > 0) add(&l, true, "%" PRId64 " unused", dead);
    end_line(&l);
}

static int64_t layers_shown(const run_screen *s, int room) {
    const expert_shares *load = &s->series->load;
    if (load->experts == 0 || load->step < 0) return 0;
    return load->layers <= room ? load->layers : room > 1 ? room - 1 : 0;
}

static void print_experts(FILE *out, const run_screen *s, int64_t shown) {
    for (int64_t i = 0; i < shown; i++) print_layer(out, s, i);
    if (shown == 0 || shown == s->series->load.layers) return;
    line l = begin_line(out, s, "");
    add(&l, false, "and %" PRId64 " more layers", s->series->load.layers - shown);
    end_line(&l);
}

// ---------------------------------------------------------------- all of it

static void print_sample(FILE *out, const run_screen *s) {
    if (!s->series->sample) return;
    line l = begin_line(out, s, "sample");
    int room = s->columns - l.used, used;
    fputs(s->color ? "\x1b[1m" : "", out);
    used = shown_text_print(out, s->series->prompt, room / 2);
    fputs(s->color ? "\x1b[0m" : "", out);
    shown_text_print(out, s->series->sample, room - used);
    end_line(&l);
}

void screen_print(FILE *out, const run_screen *asked) {
    enum { AROUND = 9, LEAST_CURVE = 7, MOST_CURVE = 22, PLAIN_CURVE = 16, LAYERS = 1000 };
    run_screen fitted = *asked, *s = &fitted;
    s->columns = s->columns < LEAST_COLUMNS  ? LEAST_COLUMNS
                 : s->columns > MOST_COLUMNS ? MOST_COLUMNS
                                             : s->columns;
    int room = s->lines > 0 ? s->lines - AROUND - LEAST_CURVE : LAYERS;
    int64_t layers = layers_shown(s, room);
    int height =
        s->lines > 0 ? s->lines - AROUND - (int)layers - (layers < s->series->load.layers) : PLAIN_CURVE;
    print_head(out, s);
    print_bar(out, s);
    putc('\n', out);
    print_training(out, s);
    print_validation(out, s);
    putc('\n', out);
    print_curves(out, s, height < LEAST_CURVE ? LEAST_CURVE : height > MOST_CURVE ? MOST_CURVE : height);
    print_legend(out, s);
    if (layers > 0 || s->series->sample) putc('\n', out);
    print_experts(out, s, layers);
    print_sample(out, s);
}
