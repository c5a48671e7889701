#include "commands.h"

#include "layout.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct watch_values {
    bool once;
} watch_values;

#define AT(member) offsetof(watch_values, member)

static const argument arguments[] = {
    {"once", ARGUMENT_FLAG, AT(once), .help = "print it once, also on a terminal"},
};

// The screen is drawn over the former one, and not cleared before: it would flicker. What is too high for it is cut off, since the
// terminal would scroll.
static void draw(const char *text, int lines) {
    fputs("\x1b[H", stdout);
    for (size_t length; *text && lines > 0; text += length + (text[length] == '\n'), lines--) {
        length = strcspn(text, "\n");
        printf("%.*s\x1b[K\n", (int)length, text);
    }
    fputs("\x1b[J", stdout);
    fflush(stdout);
}

enum { PLAIN_LINES = 24 }; // of a terminal that does not tell

static sigmoe_status look(sigmoe_watch *w, bool live, bool *training) {
    char *text;
    sigmoe_watch_request request;
    sigmoe_watch_defaults(&request);
    int columns = terminal_columns(STDOUT_FILENO);
    if (columns > 0) request.columns = columns;
    int lines = terminal_lines(STDOUT_FILENO);
    if (live) request.lines = lines > 1 ? lines - 1 : PLAIN_LINES; // the cursor's line stays free
    request.color = terminal_colors(STDOUT_FILENO);
    sigmoe_status status = sigmoe_watch_look(w, &request, &text, training);
    if (status != SIGMOE_OK) return status;
    if (live)
        draw(text, request.lines);
    else
        fputs(text, stdout);
    sigmoe_free(text);
    return status;
}

// About a second, or until a signal.
static void wait_a_second(void) {
    const struct timespec second = {.tv_sec = 1};
    nanosleep(&second, NULL);
}

// On a screen of its own, which leaves what the terminal had; the last look stays on the terminal.
static sigmoe_status watch_live(sigmoe_watch *w) {
    bool training = true;
    sigmoe_status status = SIGMOE_OK;
    fputs("\x1b[?1049h\x1b[?25l", stdout);
    for (;;) {
        status = look(w, true, &training);
        if (status != SIGMOE_OK || !training || signal_received()) break;
        wait_a_second();
    }
    fputs("\x1b[?25h\x1b[?1049l", stdout);
    return status == SIGMOE_OK ? look(w, false, &training) : status;
}

static int run(const parsed_arguments *given, void *values) {
    const watch_values *v = values;
    sigmoe_watch *w;
    bool training;
    if (given->positional_count < 1) return complain(EXIT_USAGE, "watch needs the directory of a run");
    sigmoe_status status = sigmoe_watch_open(given->positionals[0], &w);
    if (status != SIGMOE_OK) return report(status);
    signals_catch();
    if (!v->once && terminal_draws(STDOUT_FILENO))
        status = watch_live(w);
    else
        status = look(w, false, &training);
    sigmoe_watch_free(w);
    int stopped = signal_received();
    return status == SIGMOE_OK && stopped ? 128 + stopped : report(status);
}

static const help_entry examples[] = {
    {"watch run", "In another terminal, while it trains:"},
    {NULL, NULL},
};

const command command_watch = {
    .name = "watch",
    .summary = "look at a run while it trains: curves, newest values, expert load",
    .usage = "RUN",
    .details = "Draws anew every second until the run ends, or Ctrl-C; where standard output is no terminal, "
               "once. Nothing in RUN is changed.",
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0}},
    .words = {&known_directories},
    .positionals = 1,
    .examples = examples,
    .values_size = sizeof(watch_values),
    .run = run,
};
