// A page in one file that needs no other and no network: what stands around its sections, and figures in it.
#pragma once

#include "plot/figure.h"

// Up to and with the page's heading. `title` is plain text.
void page_open(FILE *out, const char *title);
void page_close(FILE *out);
void page_figure(FILE *out, const figure *f);
// Text with HTML's special characters escaped.
void html_text(FILE *out, const char *text);
