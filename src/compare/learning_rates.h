// `lr_grid`: each variant at its own learning rate, so that none loses by a rate that suits another.
#pragma once

#include "compare/execution.h"

// Trains every variant from the first seed at each rate of the request's grid, and gives each the rate with the best final
// validation score (the first, if no run has a score), with the scores in grid_scores. Without a grid, does nothing. Its runs are
// those of the comparison: the first seed's at the chosen rate is not trained again.
sigmoe_status learning_rates_choose(comparison_plan *p, const sigmoe_observer *observer);
// The same from those of the runs that are trained already, silently.
sigmoe_status learning_rates_recall(comparison_plan *p);
