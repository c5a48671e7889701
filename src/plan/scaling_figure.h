// Pictures of weak and strong scaling, and their numbers.
#pragma once

#include "base/arena.h"
#include "plan/scaling.h"

// Writes scaling.csv into `directory` and, with `figures`, draws weak-scaling and strong-scaling there.
sigmoe_status scaling_write(
    arena *a, const planned_training *t, const scaling *s, const char *directory, bool figures);
