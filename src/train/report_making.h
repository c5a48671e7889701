// The report's last section: how the numbers were made.
#pragma once

#include "train/compare_plan.h"

#include <stdio.h>

sigmoe_status report_making_print(FILE *out, const comparison *c);
