// What one feedforward layer costs, forward and backward, dense and σ-MoE, against one of its sizes: the paper's Figures 2 and
// 8 to 11. Beside the measured times stands the roofline: what the processor's peak and its memory would allow.
#pragma once

#include "base/status.h"
#include "bench/cost_measurement.h"

const cost_curve *cost_curve_at(int index); // NULL past the end

// What sigmoe_bench_figure does.
sigmoe_status cost_figure(
    const sigmoe_bench_figure_request *request, const sigmoe_observer *observer, char **table);
