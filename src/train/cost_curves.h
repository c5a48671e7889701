// What one feedforward layer costs, forward and backward, dense and σ-MoE, against one of its sizes: the paper's Figures 2 and
// 8 to 11. Beside the measured times stands the roofline: what the processor's peak and its memory would allow.
#pragma once

#include "base/arena.h"

enum { MOST_POINTS = 8 };

typedef struct layer_sizes {
    int64_t d_model, experts, expert_size, k;
} layer_sizes;

typedef struct cost_curve {
    const char *name, *summary;
    const char *x_label;
    size_t varies; // offset in layer_sizes of the size along the x axis
    layer_sizes base;
    int points;
    int64_t values[MOST_POINTS]; // of that size, ascending
} cost_curve;
const cost_curve *cost_curve_at(int index); // NULL past the end

// Of one layer.
typedef struct layer_cost {
    double milliseconds, bytes; // measured
    double roofline;            // milliseconds
    double gflops;
} layer_cost;

typedef struct cost_point {
    layer_sizes sizes;
    layer_cost moe, dense; // dense: d_ff = N_E · G
} cost_point;

typedef struct cost_measurement {
    const cost_curve *curve;
    int64_t tokens;
    int threads;
    double peak_gflops, bandwidth; // bandwidth: 1e9 bytes a second
    const char *isa;
    cost_point point[MOST_POINTS];
} cost_measurement;

// Draws FIGURE-time and FIGURE-memory in `directory` and writes FIGURE.csv there; SIGMOE_INTERRUPTED when the observer,
// which may be NULL, asks to stop. The table is the caller's to free.
sigmoe_status cost_write(
    arena *a, const cost_measurement *m, const char *directory, const sigmoe_observer *observer);
sigmoe_status cost_table(const cost_measurement *m, char **out);
