// The costs of a layer as a function of one of its sizes.
#pragma once

#include <stddef.h>
#include <stdint.h>

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

// The costs of one layer.
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
    double peak_gflops, bandwidth; // bandwidth: 1e9 bytes per second
    const char *isa;
    cost_point point[MOST_POINTS];
} cost_measurement;
