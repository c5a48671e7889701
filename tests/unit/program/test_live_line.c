// The live line of progress on terminals of different widths: what matters least goes first, and nothing is left in the end.
#include "sigmoe/progress.h"

#include <math.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ERASE "\r\x1b[K"

// stderr is a terminal of `columns` between terminal_open and terminal_read.
typedef struct terminal {
    int screen, kept;
} terminal;

static terminal terminal_open(int columns) {
    terminal t;
    int end;
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    assert_int_equal(openpty(&t.screen, &end, NULL, NULL, &size), 0);
    fflush(stderr);
    t.kept = dup(STDERR_FILENO);
    assert_true(dup2(end, STDERR_FILENO) >= 0);
    close(end);
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    return t;
}

// What was sent since it was last read. Terminals deliver in pieces; a mark tells where all of it ends.
static void terminal_read(const terminal *t, char *text, size_t size) {
    static const char mark[] = "<end>";
    size_t used = 0;
    fputs(mark, stderr);
    fflush(stderr);
    text[0] = '\0';
    while (!strstr(text, mark)) {
        ssize_t count = read(t->screen, text + used, size - 1 - used);
        assert_true(count > 0);
        used += (size_t)count;
        text[used] = '\0';
    }
    *strstr(text, mark) = '\0';
}

static void terminal_close(const terminal *t) {
    dup2(t->kept, STDERR_FILENO);
    close(t->kept);
    close(t->screen);
}

static const sigmoe_progress step = {.task = "train sigma-moe, seed 1",
    .unit = "steps",
    .done = 1200,
    .total = 2000,
    .rate = 20,
    .seconds_left = 83,
    .all_seconds_left = 3723,
    .loss = 1.23456,
    .score = 1.7812,
    .score_name = "bpc",
    .tokens_per_second = 51234,
    .fraction_of_peak = 0.42};

// The line for this progress on such a terminal.
static void shown(int columns, const sigmoe_progress *progress, char *text, size_t size) {
    progress_display display;
    terminal t = terminal_open(columns);
    sigmoe_observer observer = progress_observer(&display, 1, false);
    observer.progress(observer.context, progress);
    terminal_read(&t, text, size);
    terminal_close(&t);
}

static void expect(int columns, const sigmoe_progress *progress, const char *line) {
    char text[1024];
    shown(columns, progress, text, sizeof text);
    assert_memory_equal(text, ERASE, strlen(ERASE));
    assert_string_equal(text + strlen(ERASE), line);
}

static void what_matters_least_goes_first(void **state) {
    (void)state;
    expect(120, &step,
        "train sigma-moe, seed 1  1200/2000 steps  loss 1.2346  bpc 1.781  51.2k tok/s  42% of peak  1:23 "
        "left, all 1:02:03");
    expect(110, &step,
        "train sigma-moe, seed 1  1200/2000 steps  loss 1.2346  bpc 1.781  51.2k tok/s  1:23 left, all "
        "1:02:03");
    expect(80, &step, "train sigma-moe, seed 1  1200/2000  bpc 1.781  1:23 left, all 1:02:03");
    expect(60, &step, "train sigma-…  1200/2000  bpc 1.781  1:23 left, all 1:02:03");
    expect(50, &step, "train sigma-m…  bpc 1.781  1:23 left, all 1:02:03");
    expect(40, &step, "train sigma-moe,…  bpc 1.781  1:23 left");
    expect(24, &step, "…  bpc 1.781  1:23 left");
}

// The score and the time left stay, and the line never fills the width, whatever that is.
static void lines_fit(void **state) {
    (void)state;
    char text[1024];
    for (int columns = 24; columns < 160; columns++) {
        int count = 0;
        shown(columns, &step, text, sizeof text);
        for (const char *c = text + strlen(ERASE); *c; c++) count += ((unsigned char)*c & 0xc0) != 0x80;
        assert_true(count < columns);
        assert_non_null(strstr(text, "bpc 1.781"));
        assert_non_null(strstr(text, "1:23 left"));
    }
}

static void ends_at_all_of_it(void **state) {
    (void)state;
    sigmoe_progress last = step;
    last.done = last.total;
    last.finished = true;
    expect(120, &last,
        "train sigma-moe, seed 1  2000/2000 steps  loss 1.2346  bpc 1.781  51.2k tok/s  42% of peak");
    expect(40, &last, "train sigma-moe,…  2000/2000  bpc 1.781");
}

static void nothing_is_left(void **state) {
    (void)state;
    char text[1024];
    progress_display display;
    terminal t = terminal_open(80);
    sigmoe_observer observer = progress_observer(&display, 1, false);
    observer.progress(observer.context, &step);
    observer.note(observer.context, "a note");
    terminal_read(&t, text, sizeof text);
    const char *note = strstr(text, ERASE "a note\r\n");
    assert_non_null(note);
    progress_close(&display); // there is no line now
    terminal_read(&t, text, sizeof text);
    assert_string_equal(text, "");
    sigmoe_progress last = step;
    last.finished = true;
    observer.progress(observer.context, &last);
    progress_close(&display);
    terminal_read(&t, text, sizeof text);
    terminal_close(&t);
    assert_string_equal(text + strlen(text) - strlen(ERASE), ERASE);
}

static void quiet_shows_nothing(void **state) {
    (void)state;
    char text[1024];
    progress_display display;
    terminal t = terminal_open(80);
    sigmoe_observer observer = progress_observer(&display, 1, true);
    observer.progress(observer.context, &step);
    observer.note(observer.context, "a note");
    progress_close(&display);
    terminal_read(&t, text, sizeof text);
    terminal_close(&t);
    assert_string_equal(text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_matters_least_goes_first),
        cmocka_unit_test(lines_fit), cmocka_unit_test(ends_at_all_of_it), cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(quiet_shows_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
