// compare.json: the settings that must be the same when a comparison is resumed.
#pragma once

#include "compare/plan.h"

#include <jansson.h>

// The record's contents, released by the caller.
sigmoe_status plan_record(const comparison_plan *p, json_t **out);
// The error names the first setting in which two records differ, and the directory, `out`.
sigmoe_status plan_check_same(const char *out, const json_t *before, const json_t *now);
