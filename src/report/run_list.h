// The report's list of its runs, each with its own page.
#pragma once

#include "compare/result.h"

#include <stdio.h>

sigmoe_status run_list_print(FILE *out, const comparison_result *c);
