// report.html: the whole comparison in a single file that needs no other file and no network.
#pragma once

#include "report/table.h"

// Draws the figures (curves.svg, curves.png, ... in the comparison's directory) and writes the page around them.
sigmoe_status report_write(const comparison_result *c, const variant_summary *summaries);
