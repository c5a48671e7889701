// compare.json: the settings of a comparison that going on with it must repeat.
#pragma once

#include "compare/plan.h"

#include <jansson.h>

// Its contents, the caller's to release.
sigmoe_status plan_record(const comparison_plan *p, json_t **out);
// A sentence naming the first setting in which two records differ; the place, `out`, is named, too.
sigmoe_status plan_check_same(const char *out, const json_t *before, const json_t *now);
