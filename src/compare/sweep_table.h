// A sweep's plan from a table of the paper.
#pragma once

#include "compare/sweep_plan.h"

// Without overrides; all texts live in the arena.
sigmoe_status sweep_table_read(const char *name, arena *a, sweep_plan *out);
// Fills in base, base_name and published_unit from the preset of a σ-MoE.
sigmoe_status sweep_base_read(const char *preset_name, arena *a, sweep_plan *out);
