#include "bench_output.h"

#include "layout.h"

#include <stdio.h>
#include <unistd.h>

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

static void print_text(const char *title, const figure *figures, int count, const char *isa) {
    enum { LABEL = 34, VALUE = 10, LINE = 2 + LABEL + 1 + VALUE + 5 };
    char heading[256], line[128];
    int columns = terminal_columns(STDOUT_FILENO);
    bool narrow = columns > 0 && columns < LINE;
    snprintf(heading, sizeof heading, "%s, %s\n", title, isa);
    print_fitted(heading);
    for (int i = 0; i < count; i++) {
        int padding = narrow ? 0 : LABEL - columns_of(figures[i].label);
        snprintf(line, sizeof line, "  %s%*s %*.*f %s\n", figures[i].label, padding, "", narrow ? 0 : VALUE,
            figures[i].digits, figures[i].value * figures[i].scale, figures[i].unit);
        print_fitted(line);
    }
}

void emit_figures(json_output *j, const figure *figures, int count) {
    for (int i = 0; i < count; i++) emit_number(j, figures[i].name, figures[i].value);
}

void print_typed_figures(
    bool json, const char *title, const figure *figures, int count, const char *operands, const char *isa) {
    if (!json) {
        print_text(title, figures, count, isa);
        return;
    }
    json_output j = {0};
    emit_open(&j, NULL, '{');
    emit_figures(&j, figures, count);
    if (operands) emit_string(&j, "dtype", operands);
    emit_string(&j, "isa", isa);
    emit_close(&j, '}');
}

void print_figures(bool json, const char *title, const figure *figures, int count, const char *isa) {
    print_typed_figures(json, title, figures, count, NULL, isa);
}
