// A sweep's plan from a user's JSON file.
#pragma once

#include "compare/sweep_plan.h"

// Without overrides; all texts live in the arena.
sigmoe_status sweep_file_read(const char *path, arena *a, sweep_plan *out);
