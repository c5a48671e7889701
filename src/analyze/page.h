// The page of an analysis.
#pragma once

#include "analyze/analysis.h"

// Writes report.html.
sigmoe_status analysis_write_page(const analysis *a);
