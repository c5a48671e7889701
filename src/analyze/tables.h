// The numbers of an analysis: CSV files, and what a terminal shows.
#pragma once

#include "analyze/analysis.h"

// layers.csv and LABEL-tokens.csv.
sigmoe_status analysis_write_tables(const analysis *a);
// What a terminal shows, in *out; the caller frees.
sigmoe_status analysis_text(const analysis *a, char **out);
