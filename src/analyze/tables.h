// The numbers of an analysis: CSV files, and the summary for a terminal.
#pragma once

#include "analyze/analysis.h"

// Writes layers.csv and LABEL-tokens.csv.
sigmoe_status analysis_write_tables(const analysis *a);
// Sets *out to the summary for a terminal; the caller frees it.
sigmoe_status analysis_text(const analysis *a, char **out);
