// The figures, the CSV and the table of a cost measurement.
#pragma once

#include "base/arena.h"
#include "bench/cost_measurement.h"

// Writes FIGURE.csv into `directory` and, with `figures`, draws FIGURE-time and FIGURE-memory there. SIGMOE_INTERRUPTED if the
// observer, which may be NULL, asks to stop.
sigmoe_status cost_write(arena *a, const cost_measurement *m, const char *directory, bool figures,
    const sigmoe_observer *observer);
// The table as text, with the columns that fit into `columns` characters (0: all); the caller frees it.
sigmoe_status cost_table(const cost_measurement *m, int columns, char **out);
