// The report's last section: how the numbers were made.
#pragma once

#include "compare/result.h"

#include <stdio.h>

sigmoe_status provenance_print(FILE *out, const comparison_result *c);
