// Texts in pages. What is foreign in them is shown as base/printable.h says; lines and tabs stay.
#pragma once

#include <stdio.h>

// Prints text with HTML's special characters escaped.
void html_text(FILE *out, const char *text);
// The same for the first `size` bytes of a text; they must end with a whole character.
void html_text_part(FILE *out, const char *text, size_t size);
// Prints text as a JSON string that may stand in a page's script element.
void json_string_print(FILE *out, const char *text);
