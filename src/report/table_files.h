// table.txt, table.csv and table.json.
#pragma once

#include "compare/summary.h"

// Writes table.txt (`text`), table.csv and table.json, and a sweep's claims.csv, into the comparison's directory.
sigmoe_status table_write(const comparison_result *c, const variant_summary *summaries, const char *text);
