// What the numbers of a report do not say, and how to cite it.
#pragma once

#include "compare/result.h"

#include <stdio.h>

void limits_print(FILE *out, const comparison_result *c);
void citation_print(FILE *out);
