// Rates as files: what is written is read back, and what a stranger wrote is refused by key. And networks as people write them.
#include "small_models.h"

#include <stdio.h>
#include <unistd.h>

static const char *write_file(const char *text) {
    static char path[64];
    snprintf(path, sizeof path, "rates-%d.json", (int)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void rates_are_read_back(void **state) {
    (void)state;
    machine_rates written = even_rates(), read;
    const char *path = write_file("");
    strcpy(written.processor, "a processor \"of\" 2026");
    strcpy(written.isa, "avx2");
    written.bf16.gflops[WORK_EXPERTS] = 0.1;
    written.threads = 7;
    OK(rates_write(path, &written));
    OK(rates_read(path, &read));
    assert_memory_equal(&written, &read, sizeof read);
    remove(path);
}

static void messages_that_nobody_measured_are_the_librarys(void **state) {
    (void)state;
    machine_rates written = even_rates(), read, own;
    const char *path = write_file("");
    written.messages.ranks = 0;
    OK(rates_builtin(&own));
    OK(rates_write(path, &written));
    OK(rates_read(path, &read));
    assert_memory_equal(&read.messages, &own.messages, sizeof own.messages);
    assert_true(own.messages.ranks >= 2 && own.f32.gflops[WORK_EXPERTS] > 0 && *own.processor);
    remove(path);
}

#define TYPE                                                                                                 \
    "{\"projections_gflops\": 1, \"attention_gflops\": 1, \"feedforward_gflops\": 1, \"experts_gflops\": 1," \
    " \"logits_gflops\": 1, \"stream_gb_per_s\": 1, \"update_gb_per_s\": 1}"
#define RATES(head, tail)                                                                                    \
    "{" head                                                                                                 \
    "\"processor\": \"p\", \"isa\": \"avx2\", \"threads\": 1, \"memory_gb_per_s\": 1, \"f32\": " TYPE        \
    ", \"bf16\": " TYPE tail "}"

static void refuses(const char *text, const char *pattern) {
    machine_rates read;
    const char *path = write_file(text);
    int status = rates_read(path, &read);
    remove(path);
    assert_int_equal(status, SIGMOE_BAD_FORMAT);
    if (!strstr(sigmoe_message(), pattern)) fail_msg("not \"%s\" but: %s", pattern, sigmoe_message());
    assert_non_null(strstr(sigmoe_message(), path));
}

static void strangers_files_are_refused(void **state) {
    (void)state;
    machine_rates read;
    const char *path = write_file(RATES("\"version\": 1, ", ""));
    OK(rates_read(path, &read));
    refuses("", "empty");
    refuses("[]", "not an array");
    refuses("{}", "version");
    refuses(RATES("", ""), "version");
    refuses(RATES("\"version\": 2, ", ""), "version");
    refuses(RATES("\"version\": 1, ", ", \"messages\": {}"), "messages.ranks");
    refuses(RATES("\"version\": 1, ", ", \"messages\": 5"), "messages");
    refuses(RATES("\"version\": 1, ", ", \"mesages\": {}"), "messages");
    refuses(RATES("\"version\": 1, ", ", \"messages\": {\"ranks\": 2, \"microseconds\": 0, \"sum_gb_per_s\": "
                                      "1, \"exchange_gb_per_s\": 1}"),
        "messages.microseconds");
    refuses(RATES("\"version\": 1, ", ", \"messages\": {\"ranks\": 1, \"microseconds\": 1, \"sum_gb_per_s\": "
                                      "1, \"exchange_gb_per_s\": 1}"),
        "messages.ranks");
}

static void names_that_are_too_long_are_refused(void **state) {
    (void)state;
    char text[2048], name[200];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text,
        "{\"version\": 1, \"processor\": \"%s\", \"isa\": \"avx2\", \"threads\": 1, \"memory_gb_per_s\": 1, "
        "\"f32\": " TYPE ", \"bf16\": " TYPE "}",
        name);
    refuses(text, "processor");
}

static void networks_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double bytes_per_s, latency;
    } good[] = {{"25gbit", 3.125e9, 20e-6}, {"100gbit:2us", 12.5e9, 2e-6}, {"1.5GB/s:0.5ms", 1.5e9, 0.5e-3},
        {"800mbit:900ns", 1e8, 9e-7}, {"3MB/s", 3e6, 20e-6}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        network n;
        OK(network_parse(good[i].text, &n));
        assert_float_equal(n.bytes_per_s, good[i].bytes_per_s, 1e-6 * good[i].bytes_per_s);
        assert_float_equal(n.latency, good[i].latency, 1e-6 * good[i].latency);
    }
    static const char *const bad[] = {"", "25", "gbit", "25gbit:", "25gbit:2", "25gbit:2us ", "25gbit,2us",
        "-25gbit", "nangbit", "infgbit", "1e300gbit", "0gbit", "25gbit:0us", "25gbit:1e9ms", "25Gb"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        network n;
        if (network_parse(bad[i], &n) != SIGMOE_BAD_ARGUMENT) fail_msg("\"%s\" is a network", bad[i]);
        assert_non_null(strstr(sigmoe_message(), "25gbit or 100gbit:2us"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_read_back),
        cmocka_unit_test(messages_that_nobody_measured_are_the_librarys),
        cmocka_unit_test(strangers_files_are_refused),
        cmocka_unit_test(names_that_are_too_long_are_refused),
        cmocka_unit_test(networks_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
