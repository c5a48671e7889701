// Logs that grow, are cut by a resumed run, or are replaced, while they are read.
#include "watch/run_series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(call) assert_int_equal(call, SIGMOE_OK)

static char root[] = "/tmp/sigmoe-log-tail-XXXXXX";
static char log_path[64];

static void put(const char *mode, const char *text) {
    FILE *file = fopen(log_path, mode);
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void line(char text[128], int step, double loss) {
    snprintf(text, 128, "{\"step\":%d,\"loss\":%g}\n", step, loss);
}

static void put_steps(const char *mode, int from, int to, double loss) {
    put(mode, "");
    for (int step = from; step < to; step++) {
        char text[128];
        line(text, step, loss);
        put("a", text);
    }
}

static void check(run_series *s, int64_t count, double last_loss) {
    OK(run_series_read(s, true));
    assert_int_equal(s->steps.count, count);
    for (int64_t i = 0; i < count; i++) assert_int_equal(s->steps.step[i], i);
    if (count > 0) assert_true(series_value(&s->steps, count - 1, STEP_LOSS) == last_loss);
}

static void grows(void **state) {
    run_series s;
    (void)state;
    OK(run_series_open(&s, root));
    unlink(log_path);
    check(&s, 0, 0);
    put_steps("w", 0, 3, 1.5);
    check(&s, 3, 1.5);
    put("a", "{\"step\":3,");
    check(&s, 3, 1.5); // not complete yet
    put("a", "\"loss\":0.25}\n");
    check(&s, 4, 0.25);
    int64_t before = s.metrics.offset;
    check(&s, 4, 0.25);
    assert_int_equal(s.metrics.offset, before);
    run_series_close(&s);
}

static void reads_each_line_once(void **state) {
    run_series s;
    (void)state;
    put_steps("w", 0, 10, 2);
    OK(run_series_open(&s, root));
    check(&s, 10, 2);
    // What was read may even be damaged: it is not read again.
    FILE *file = fopen(log_path, "r+");
    fputc('X', file);
    fclose(file);
    put_steps("a", 10, 12, 3);
    check(&s, 12, 3);
    run_series_close(&s);
}

static void is_cut(void **state) {
    run_series s;
    (void)state;
    put_steps("w", 0, 10, 2);
    OK(run_series_open(&s, root));
    check(&s, 10, 2);
    put_steps("w", 0, 4, 3); // shorter
    check(&s, 4, 3);
    put_steps(
        "w", 0, 30, 4); // longer again before anybody looks: goes on within other lines, of equal length
    check(&s, 30, 4);
    put("w", "{\"step\":0,\"loss\":5,\"reg\":0}\n"); // and with lines of other lengths
    put_steps("a", 1, 40, 5);
    check(&s, 40, 5);
    unlink(log_path);
    check(&s, 0, 0);
    run_series_close(&s);
}

static void long_lines(void **state) {
    run_series s;
    (void)state;
    put("w", "{\"step\":0,\"loss\":1,\"more\":\"");
    char *much = malloc(3000001);
    memset(much, 'x', 3000000);
    much[3000000] = '\0';
    put("a", much);
    free(much);
    put("a", "\"}\n");
    put_steps("a", 1, 3, 7);
    OK(run_series_open(&s, root));
    check(&s, 3, 7);
    run_series_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),
        cmocka_unit_test(reads_each_line_once),
        cmocka_unit_test(is_cut),
        cmocka_unit_test(long_lines),
    };
    if (!mkdtemp(root)) return 1;
    snprintf(log_path, sizeof log_path, "%s/metrics.jsonl", root);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(log_path);
    rmdir(root);
    return failed;
}
