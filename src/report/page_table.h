// The table of the report: row, score, verdict and cost first; columns without any value are left out.
#pragma once

#include "report/figure_source.h"

sigmoe_status page_table_print(FILE *out, const figure_source *s);
