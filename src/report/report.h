// report.html: the whole comparison in a single file that needs no other file and no network.
#pragma once

#include "compare/summary.h"

typedef enum report_state {
    REPORT_GROWING, // runs are being trained: the page reloads itself
    REPORT_STOPPED, // some runs are not trained, and none is being trained
    REPORT_DONE,
} report_state;

// Draws the figures and writes the page around them. Once the comparison is done, the figures become files, too (curves.svg,
// curves.png, ... in its directory).
sigmoe_status report_write(const comparison_result *c, const variant_summary *summaries, report_state state);
