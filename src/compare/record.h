// compare.json: what a comparison was begun with, so that it can go on.
#pragma once

#include "compare/plan.h"

#include <jansson.h>

// The record's contents, released by the caller. `looks`: the numbers of seeds that were judged so far, oldest first; borrowed,
// NULL: none.
sigmoe_status plan_record(const comparison_plan *p, const json_t *looks, json_t **out);
// Fails if `now` asks for something that the comparison cannot take; the error names the first such setting and the directory,
// `out`. Seeds, variants and steps may change, and with other steps what follows from them.
sigmoe_status plan_check_same(const char *out, const json_t *before, const json_t *now);
// Whether the two have different numbers of steps, so that nothing of the former is of use.
bool record_steps_differ(const json_t *before, const json_t *now);

// Completes a request: on resume, takes from OUT/compare.json what is not given. Texts, and the base, live in the arena; *out is
// otherwise a copy of *asked.
sigmoe_status record_complete(const sigmoe_compare_request *asked, arena *a, sigmoe_compare_request *out);
// The variants of the comparison in `out`; none if there is none. In the arena.
sigmoe_status record_variants_read(const char *out, arena *a, const char *const **variants, int *count);
