// The figures of quality against cost: what a score takes in multiply-adds, time and memory.
#pragma once

#include "report/figure_source.h"

plan_chart plan_score_by_flops, plan_score_by_time, plan_score_by_memory;
