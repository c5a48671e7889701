// Where the time of steps goes: what a pool's timeline says, by part.
#pragma once

#include "base/timeline.h"

typedef struct breakdown breakdown;

sigmoe_status breakdown_create(breakdown **out);
void breakdown_destroy(breakdown *b); // NULL is allowed
// Adds one step, from timeline_begin to the last turn.
sigmoe_status breakdown_add(breakdown *b, const timeline *t);
// Calls `visit` with each part of a mean step, those that took longest first.
void breakdown_visit(
    breakdown *b, void (*visit)(void *context, const sigmoe_bench_part *part), void *context);
