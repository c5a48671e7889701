// The section of the report on what the models write.
#pragma once

#include "report/figure_source.h"

// One sample of each variant, from its first seed that has one. Prints nothing if there is none.
void samples_print(FILE *out, const figure_source *s);
