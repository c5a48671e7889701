// The figure of all rows' scores, sorted: each row's mean with its spread, and its seeds.
#pragma once

#include "report/figure_source.h"

plan_chart plan_dot_plot;
