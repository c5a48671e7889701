// report.html: all of a comparison in one file that needs no other and no network.
#pragma once

#include "report/table.h"

// Draws the figures (curves.svg, curves.png, ... in the comparison's directory) and writes the page around them.
sigmoe_status report_write(const comparison_result *c, const variant_summary *summaries);
