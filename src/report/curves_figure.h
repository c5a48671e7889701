// The figures with a line for each variant: validation score by steps and by seconds, training loss.
#pragma once

#include "report/figure_plan.h"

plan_figure plan_score_by_steps, plan_score_by_seconds, plan_training_loss;
