// Shared by the bench commands: options, and results as a table or as JSON.
#pragma once

#include "commands.h"
#include "json_output.h"

typedef struct bench_options {
    sigmoe_dtype dtype;
    int threads;
    bool pin, json;
} bench_options;
enum { BENCH_ARGUMENTS = 4, BENCH_ARGUMENTS_OF_BOTH_TYPES = 3 }; // without --dtype, the last one
extern const argument bench_arguments[BENCH_ARGUMENTS];
// Does what must precede the first call of the library.
void bench_begin(const bench_options *options);

// One number of a result: its name in JSON, its label and unit in the table, and the factor that converts it to that unit.
typedef struct figure {
    const char *name;
    double value;
    const char *label, *unit;
    int digits;
    double scale;
} figure;
#define FIGURE_MS .unit = "ms", .digits = 2, .scale = 1
#define FIGURE_GFLOPS .unit = "GF/s", .digits = 1, .scale = 1
#define FIGURE_PERCENT .unit = "%", .digits = 1, .scale = 100
#define FIGURE_MB .unit = "MB", .digits = 1, .scale = 1e-6
void emit_figures(json_output *j, const figure *figures, int count); // as members
void print_figures(bool json, const char *title, const figure *figures, int count, const char *isa);
// The same with the type of the operands before the processor's level in JSON.
void print_typed_figures(
    bool json, const char *title, const figure *figures, int count, const char *operands, const char *isa);
