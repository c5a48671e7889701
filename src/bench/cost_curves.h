// The cost of one feedforward layer, forward and backward, dense and σ-MoE, as a function of one of its sizes: the paper's
// Figures 2 and 8 to 11. Next to the measured times is the roofline: what the processor's peak and its memory would allow.
#pragma once

#include "base/status.h"
#include "bench/cost_measurement.h"

const cost_curve *cost_curve_at(int index); // NULL past the end

// The implementation of sigmoe_bench_figure.
sigmoe_status cost_figure(
    const sigmoe_bench_figure_request *request, const sigmoe_observer *observer, char **table);
