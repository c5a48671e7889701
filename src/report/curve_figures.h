// The figures with a line for each row: validation score by steps and by seconds, training loss.
#pragma once

#include "report/figure_source.h"

plan_chart plan_score_by_steps, plan_score_by_seconds, plan_training_loss;
// A training loss, in nats per token, in the unit of the comparison's scores.
double score_of_loss(const comparison_plan *p, double nats);
