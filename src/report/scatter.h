// The figure of quality against cost.
#pragma once

#include "report/figure_plan.h"

plan_figure plan_score_by_flops;
