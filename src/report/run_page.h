// The page of one run, in its directory: its curves, learning rate, gradients, speed, expert load and settings.
#pragma once

#include "compare/result.h"

#define RUN_PAGE_NAME "report.html"

// Writes the page of run number `run` of the plan, which is trained.
sigmoe_status run_page_write(const comparison_result *c, int run);
// Writes the pages of the trained runs that have none yet.
sigmoe_status run_pages_complete(const comparison_result *c);
