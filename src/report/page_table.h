// The table of the report: row, score, verdict and cost first; columns without any value are left out.
#pragma once

#include "report/figures.h"

sigmoe_status page_table_print(FILE *out, const figure_source *s);
