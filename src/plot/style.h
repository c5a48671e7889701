// The page's style sheet.
#pragma once

#include <stdio.h>

// Prints custom properties of both colour schemes, then the rules.
void report_style_print(FILE *out);
