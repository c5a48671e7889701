#include "bench_output.h"

#include "json_output.h"

#include <stdio.h>

#define AT(member) offsetof(bench_options, member)

const argument bench_arguments[BENCH_ARGUMENTS] = {
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use", .help = "threads to compute with"},
    {"pin", ARGUMENT_FLAG, AT(pin),
        .help = "bind each thread to a processor of its own; give two processes different ones with taskset"},
    {"json", ARGUMENT_FLAG, AT(json), .help = "print one JSON object"},
    {"dtype", ARGUMENT_CHOICE, AT(dtype), "TYPE", .choices = dtype_names,
        .help = "how operands of matrix products are stored"},
};

void bench_begin(const bench_options *options) {
    if (options->pin) sigmoe_pin_threads();
}

void print_figures(bool json, const char *title, const figure *figures, int count, const char *isa) {
    if (!json) {
        printf("%s, %s\n", title, isa);
        for (int i = 0; i < count; i++)
            printf("  %-34s %10.*f %s\n", figures[i].label, figures[i].digits,
                figures[i].value * figures[i].scale, figures[i].unit);
        return;
    }
    json_output j = {0};
    emit_open(&j, NULL, '{');
    for (int i = 0; i < count; i++) emit_number(&j, figures[i].name, figures[i].value);
    emit_string(&j, "isa", isa);
    emit_close(&j, '}');
}
