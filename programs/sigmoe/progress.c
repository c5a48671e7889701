#include "progress.h"

#include "layout.h"
#include "report.h"
#include "signals.h"
#include "standard_streams.h"
#include "wording.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

enum { LINE = 512 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void append(char *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char *line, const char *format, ...) {
    size_t used = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, LINE - used, format, arguments);
    va_end(arguments);
}

// 12345678 -> "12.3M".
static void append_amount(char *line, double amount) {
    const char *suffixes[] = {"", "k", "M", "G", "T"};
    int i = 0;
    while (fabs(amount) >= 10000 && i < 4) amount /= 1000, i++;
    append(line, i && fabs(amount) < 100 ? "%.1f%s" : "%.0f%s", amount, suffixes[i]);
}

static void append_duration(char *line, double seconds) {
    long whole = lround(seconds);
    if (whole >= 3600)
        append(line, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        append(line, "%ld:%02ld", whole / 60, whole % 60);
}

// ---------------------------------------------------------------- parts of a line

typedef enum part { TASK, COUNTS, UNIT, LOSS, SCORE, SPEED, PEAK, LEFT, ALL_LEFT, PARTS } part;

typedef struct live_line {
    char part[PARTS][LINE + sizeof "…"]; // "" where there is nothing to say
} live_line;

static void describe_left(const sigmoe_progress *p, live_line *l) {
    if (p->finished || !isfinite(p->seconds_left)) return;
    append(l->part[LEFT], "  ");
    append_duration(l->part[LEFT], fmax(p->seconds_left, 0));
    append(l->part[LEFT], " left");
    if (!(p->all_seconds_left > 0)) return;
    append(l->part[ALL_LEFT], ", all ");
    append_duration(l->part[ALL_LEFT], p->all_seconds_left);
}

static void describe_speed(const sigmoe_progress *p, char *text) {
    bool tokens = isfinite(p->tokens_per_second) && p->tokens_per_second > 0;
    if (!tokens && !(isfinite(p->rate) && p->rate > 0)) return;
    append(text, "  ");
    append_amount(text, tokens ? p->tokens_per_second : p->rate);
    append(text, " %s/s", tokens ? "tok" : p->unit ? p->unit : "");
}

static void describe(const sigmoe_progress *p, live_line *l) {
    sigmoe_printable(p->task ? p->task : "", l->part[TASK], LINE);
    append(l->part[COUNTS], "  ");
    append_amount(l->part[COUNTS], p->done);
    if (isfinite(p->total)) {
        append(l->part[COUNTS], "/");
        append_amount(l->part[COUNTS], p->total);
    }
    append(l->part[UNIT], " %s", p->unit ? p->unit : "");
    if (isfinite(p->loss)) append(l->part[LOSS], "  loss %.4f", p->loss);
    if (p->score_name && isfinite(p->score)) append(l->part[SCORE], "  %s %.4g", p->score_name, p->score);
    describe_speed(p, l->part[SPEED]);
    if (isfinite(p->fraction_of_peak) && p->fraction_of_peak > 0)
        append(l->part[PEAK], "  %.0f%% of peak", 100 * p->fraction_of_peak);
    describe_left(p, l);
}

static int line_columns(const live_line *l) {
    int columns = 0;
    for (int i = 0; i < PARTS; i++) columns += columns_of(l->part[i]);
    return columns;
}

// Leaves `columns` of the text, the last of them a mark that something is missing.
static void shorten(char *text, int columns) {
    int seen = 0;
    if (columns_of(text) <= columns) return;
    if (columns < 1) *text = '\0';
    for (char *c = text; *c; c++) {
        if (((unsigned char)*c & 0xc0) == 0x80 || ++seen < columns) continue;
        memcpy(c, "…", sizeof "…");
        return;
    }
}

// Drops parts, the first first, until the line fits if `task_columns` of the task are enough.
static void drop(live_line *l, const part *parts, int count, int width, int task_columns) {
    int task = columns_of(l->part[TASK]), spared = task > task_columns ? task - task_columns : 0;
    for (int i = 0; i < count && line_columns(l) - spared > width; i++) l->part[parts[i]][0] = '\0';
}

// On a narrow terminal, what matters least goes first; the score and the time left stay longest.
static void fit(live_line *l, int width) {
    static const part first[] = {PEAK, SPEED, UNIT, LOSS}, second[] = {COUNTS, ALL_LEFT}, last[] = {SCORE};
    enum { ENOUGH_OF_TASK = 12 };
    drop(l, first, COUNT(first), width, LINE);
    drop(l, second, COUNT(second), width, ENOUGH_OF_TASK);
    drop(l, last, COUNT(last), width, 0);
    shorten(l->part[TASK], width - (line_columns(l) - columns_of(l->part[TASK])));
}

// ---------------------------------------------------------------- lines

static void show_live(progress_display *d, live_line *l) {
    int width = terminal_columns(STDERR_FILENO);
    fit(l, width > 1 ? width - 1 : 79); // in the last column, some terminals wrap
    fprintf(stderr, "\r\x1b[K%s%s%s", d->colour ? "\x1b[1m" : "", l->part[TASK], d->colour ? "\x1b[0m" : "");
    for (int i = TASK + 1; i < PARTS; i++) fputs(l->part[i], stderr);
    d->line_open = true;
}

static void show_plain(const live_line *l) {
    char line[PARTS * LINE] = "";
    for (int i = 0; i < PARTS; i++) strcat(line, l->part[i]);
    tell("%s", line);
}

static void show(void *context, const sigmoe_progress *p) {
    progress_display *d = context;
    double time = now();
    if (d->stop_unread && standard_output_is_gone()) stop_unread();
    if (d->quiet || (!p->finished && time - d->shown_at < (d->terminal ? 0.1 : 10))) return;
    d->shown_at = time;
    live_line line = {0};
    describe(p, &line);
    if (d->terminal)
        show_live(d, &line);
    else
        show_plain(&line);
}

static void note(void *context, const char *line) {
    progress_display *d = context;
    char sentence[1 << 14];
    if (d->quiet) return;
    progress_close(d);
    reword(line, sentence, sizeof sentence);
    tell_fitted(sentence);
}

void progress_close(progress_display *d) {
    if (d->line_open) fputs("\r\x1b[K", stderr);
    d->line_open = false;
}

sigmoe_observer progress_observer(progress_display *d, int threads, bool quiet) {
    *d = (progress_display){.quiet = quiet,
        .terminal = terminal_draws(STDERR_FILENO),
        .colour = terminal_colors(STDERR_FILENO),
        .shown_at = now() - 0.1};
    signals_catch();
    sigmoe_observer observer;
    sigmoe_observer_defaults(&observer);
    observer.progress = show;
    observer.note = note;
    observer.context = d;
    observer.stop = stop_flag();
    observer.save = save_count();
    observer.threads = threads;
    return observer;
}
