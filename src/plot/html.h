// Texts in pages.
#pragma once

#include <stdio.h>

// Prints text with HTML's special characters escaped.
void html_text(FILE *out, const char *text);
// Prints text as a JSON string that may stand in a page's script element.
void json_string_print(FILE *out, const char *text);
