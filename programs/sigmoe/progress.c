#include "progress.h"

#include "printable.h"
#include "report.h"
#include "signals.h"
#include "standard_streams.h"
#include "wording.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

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

static void describe(const sigmoe_progress *p, char *line) {
    append(line, "  ");
    append_amount(line, p->done);
    if (isfinite(p->total)) {
        append(line, "/");
        append_amount(line, p->total);
    }
    append(line, " %s", p->unit ? p->unit : "");
    if (isfinite(p->loss)) append(line, "  loss %.4f", p->loss);
    if (p->score_name && isfinite(p->score)) append(line, "  %s %.4g", p->score_name, p->score);
    if (isfinite(p->tokens_per_second) && p->tokens_per_second > 0) {
        append(line, "  ");
        append_amount(line, p->tokens_per_second);
        append(line, " tok/s");
    } else if (isfinite(p->rate) && p->rate > 0) {
        append(line, "  ");
        append_amount(line, p->rate);
        append(line, " %s/s", p->unit ? p->unit : "");
    }
    if (isfinite(p->fraction_of_peak) && p->fraction_of_peak > 0)
        append(line, "  %.0f%% of peak", 100 * p->fraction_of_peak);
    if (!p->finished && isfinite(p->seconds_left)) {
        append(line, "  ");
        append_duration(line, fmax(p->seconds_left, 0));
        append(line, " left");
        if (p->all_seconds_left > 0) {
            append(line, ", all ");
            append_duration(line, p->all_seconds_left);
        }
    }
}

// Cuts the line to the terminal's width, so that it never wraps and can be overwritten; never inside a UTF-8 character.
static void cut_to_terminal(char *line) {
    struct winsize size = {0};
    size_t width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79;
    size_t columns = 0, i = 0;
    for (; line[i]; i++) {
        bool begins_character = ((unsigned char)line[i] & 0xc0) != 0x80;
        if (begins_character && columns++ == width) break;
    }
    line[i] = 0;
}

static void show(void *context, const sigmoe_progress *p) {
    progress_display *d = context;
    double time = now();
    if (!p->finished && time - d->shown_at < (d->terminal ? 0.1 : 10)) return;
    d->shown_at = time;
    if (d->stop_unread && standard_output_is_gone()) stop_unread();
    char line[LINE] = "";
    append(line, "%s", p->task ? p->task : "");
    make_printable(line); // never makes it longer
    size_t task_length = strlen(line);
    describe(p, line);
    if (!d->terminal) {
        tell("%s", line);
        return;
    }
    cut_to_terminal(line);
    if (task_length > strlen(line)) task_length = strlen(line);
    const char *bold = d->colour ? "\x1b[1m" : "", *plain = d->colour ? "\x1b[0m" : "";
    fprintf(stderr, "\r\x1b[K%s%.*s%s%s%s", bold, (int)task_length, line, plain, line + task_length,
        p->finished ? "\n" : "");
    d->line_open = !p->finished;
}

static void note(void *context, const char *line) {
    progress_display *d = context;
    char sentence[1 << 14];
    progress_close(d);
    reword(line, sentence, sizeof sentence);
    tell("%s", sentence);
}

void progress_close(progress_display *d) {
    if (d->line_open) fputc('\n', stderr);
    d->line_open = false;
}

sigmoe_observer progress_observer(progress_display *d, int threads) {
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    bool terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    *d = (progress_display){
        .terminal = terminal, .colour = terminal && !(no_color && *no_color), .shown_at = now() - 0.1};
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
