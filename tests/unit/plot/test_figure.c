// Figures: gnuplot is called so that nothing of the user's reaches it, and only what it wrote whole becomes a picture.
#include "train/fixture.h"

#include "plot/figure.h"
#include "plot/gnuplot.h"

#include <sys/stat.h>

static void print_data(FILE *out, const void *context) {
    (void)context;
    fputs("$points << END\n0 1\n1 2.5\nEND\n", out);
}

static void print_plot(FILE *out, const void *context) {
    (void)context;
    fputs("plot $points with lines title 'σ'\n", out);
}

static sigmoe_status draw(const char *name) {
    figure f = {.name = name, .title = "a title"};
    figure_frame frame = {
        .x_label = "x", .y_label = "y", .x_high = 1, .y_high = 3, .y_decimals = 1, .key_entries = 1};
    arena *a;
    OK(arena_create("test", &a));
    OK(directory_make(in_root("figures")));
    sigmoe_status status = figure_draw(a, in_root("figures"), &frame, print_data, print_plot, NULL, &f);
    assert_true((status == SIGMOE_OK) == (f.svg != NULL));
    arena_destroy(a);
    return status;
}

static void assert_there(const char *name, bool expected) {
    char path[160];
    snprintf(path, sizeof path, "figures/%s", name);
    if (path_exists(in_root(path)) != expected) print_error("%s\n", name);
    assert_int_equal(path_exists(in_root(path)), expected);
}

static void assert_nothing_of(const char *name) {
    static const char *const ends[] = {".svg", ".png", ".svg.partial", ".png.partial", ".gnuplot"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char file[128];
        snprintf(file, sizeof file, "%s%s", name, ends[i]);
        assert_there(file, false);
    }
}

static void a_name_is_no_option(void **state) {
    (void)state;
    OK(draw("-name"));
    assert_there("-name.svg", true);
    assert_there("-name.png", true);
    assert_there("-name.gnuplot", false);
}

// A program of the name gnuplot, in front of the real one, which it may call as $REAL.
static void pretend(const char *commands) {
    char script[1024], path[2 * PATH_CAPACITY];
    static char usual[PATH_CAPACITY];
    if (!*usual) snprintf(usual, sizeof usual, "%s", getenv("PATH"));
    snprintf(script, sizeof script, "#!/bin/sh\nREAL='env PATH=%.600s gnuplot'\n%s\n", usual, commands);
    OK(directory_make(in_root("bin")));
    write_text(in_root("bin/gnuplot"), script);
    assert_int_equal(chmod(in_root("bin/gnuplot"), 0755), 0);
    snprintf(path, sizeof path, "%s:%s", in_root("bin"), usual);
    assert_int_equal(setenv("PATH", path, 1), 0);
}

static int stop_pretending(void **state) {
    (void)state;
    return unlink(in_root("bin/gnuplot"));
}

static void a_picture_that_was_cut_short_is_an_error(void **state) {
    (void)state;
    pretend("$REAL \"$@\"; truncate -s -3 cut.svg.partial");
    FAILS(SIGMOE_IO, draw("cut"));
    assert_message_has("cut.svg: gnuplot left it cut short");
    assert_nothing_of("cut");
    pretend("$REAL \"$@\"; truncate -s -1 cut.png.partial");
    FAILS(SIGMOE_IO, draw("cut"));
    assert_message_has("cut.png: gnuplot left it cut short");
    pretend("$REAL \"$@\"; : >empty.svg.partial");
    FAILS(SIGMOE_IO, draw("empty"));
    assert_nothing_of("empty");
    pretend("$REAL \"$@\"; echo it is tired >&2; exit 1");
    FAILS(SIGMOE_IO, draw("failed"));
    assert_message_has("it is tired");
    assert_nothing_of("failed");
    pretend("$REAL \"$@\"");
    OK(draw("whole"));
}

// Ctrl-C goes to the terminal's process group, and is for this program alone.
static void gnuplot_has_a_process_group_of_its_own(void **state) {
    (void)state;
    pretend("read -r pid name status parent group rest </proc/$$/stat; [ \"$group\" = $$ ]");
    assert_true(plot_ready(true, NULL));
    assert_false(plot_ready(false, NULL));
}

static void the_users_settings_are_not_read(void **state) {
    (void)state;
    char home[64], settings[256];
    snprintf(home, sizeof home, "%s", getenv("HOME") ? getenv("HOME") : "/");
    snprintf(settings, sizeof settings, "system 'touch %s'\n", in_root("was-read"));
    write_text(in_root(".gnuplot"), settings);
    assert_int_equal(setenv("HOME", root, 1), 0);
    OK(draw("plain"));
    assert_int_equal(setenv("HOME", home, 1), 0);
    assert_false(path_exists(in_root("was-read")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_no_option),
        cmocka_unit_test_teardown(a_picture_that_was_cut_short_is_an_error, stop_pretending),
        cmocka_unit_test_teardown(gnuplot_has_a_process_group_of_its_own, stop_pretending),
        cmocka_unit_test(the_users_settings_are_not_read),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
