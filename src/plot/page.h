// A self-contained page, in a single file that needs no network: everything around its sections, and figures in it.
#pragma once

#include "plot/figure.h"

// Prints the page up to and including its heading. `title` is plain text. The browser loads the page anew every
// `reload_seconds`; 0: never.
void page_open(FILE *out, const char *title, int reload_seconds);
void page_close(FILE *out);
void page_figure(FILE *out, const figure *f);
// Prints text with HTML's special characters escaped.
void html_text(FILE *out, const char *text);
