// From a request to the report: plan, runs, judgement, files. Chapter 8 calls it for comparisons and for sweeps.
#pragma once

#include "compare/sweep_plan.h"

// `sweep` is NULL for the user's own comparison. *table is table.txt, freed by the caller; as in sigmoe_compare.
sigmoe_status comparison_run(const sigmoe_compare_request *request, const sweep_plan *sweep, int jobs,
    const sigmoe_observer *observer, char **table);
// As in sigmoe_compare_plan.
sigmoe_status comparison_foresee(
    const sigmoe_compare_request *request, const sigmoe_observer *observer, char **text);
