#include "plot/page.h"

#include "plot/page_files.h"

// ---------------------------------------------------------------- the frame of the page

static void print_colors(FILE *out, const page_head *head, bool dark) {
    fputs(":root{", out);
    for (int i = 0; i < FIGURE_COLORS; i++)
        fprintf(out, "%s:#%06x;", figure_colors[i].property,
            dark ? figure_colors[i].dark : figure_colors[i].light);
    for (int i = 0; i < HEAT_COLORS; i++) fprintf(out, "--heat-%d:#%06x;", i, heat_color(i, dark));
    for (int i = 0; i < head->row_count; i++)
        fprintf(out, "%s:#%06x;", head->rows[i].property, dark ? head->rows[i].dark : head->rows[i].light);
    fputs("}\n", out);
}

// On paper the light colours, whatever the screen has.
static void print_style(FILE *out, const page_head *head) {
    fputs("<style>\n", out);
    print_colors(out, head, false);
    fputs("@media screen and (prefers-color-scheme:dark){", out);
    print_colors(out, head, true);
    fputs("}\n", out);
    fputs(page_css, out);
    fputs("</style>\n", out);
}

void page_open(FILE *out, const page_head *head) {
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
        out);
    html_text(out, head->title);
    fputs("</title>\n", out);
    if (head->reload_seconds > 0)
        fprintf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n", head->reload_seconds);
    fputs("<link rel=\"icon\" href=\"data:,\">\n", out);
    print_style(out, head);
    fputs("</head>\n<body>\n<main>\n<h1>", out);
    html_text(out, head->title);
    fputs("</h1>\n", out);
}

void page_close(FILE *out) {
    fputs("</main>\n<script>\n", out);
    fputs(page_js, out);
    fputs("</script>\n</body>\n</html>\n", out);
}

// ---------------------------------------------------------------- parts

void page_figure(FILE *out, const figure *f) {
    fprintf(out, "<figure id=\"%s\"><h3>", f->name);
    html_text(out, f->title);
    fputs("</h3>\n", out);
    fputs(f->svg ? f->svg : "<p>There is no finite number to draw.</p>", out);
    if (*f->caption) fputs("<figcaption>", out);
    html_text(out, f->caption);
    if (*f->caption) fputs("</figcaption>", out);
    if (f->svg && f->values)
        fprintf(out, "\n<script type=\"application/json\" class=\"values\">%s</script>", f->values);
    fputs("</figure>\n", out);
}

void page_legend(FILE *out, const char *const *names, const row_style *rows, int count) {
    fputs("<ul class=\"legend\" aria-label=\"Rows and their colours\">\n", out);
    for (int i = 0; i < count; i++) {
        fprintf(out, "<li data-color=\"%s\"><span class=\"swatch\" style=\"background:var(%s)\"></span>",
            rows[i].property, rows[i].property);
        html_text(out, names[i]);
        fputs("</li>\n", out);
    }
    fputs("</ul>\n", out);
}

void page_table_open(FILE *out, const char *name, bool sortable) {
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", out);
    html_text(out, name);
    fprintf(out, "\"><table class=\"results%s\">\n", sortable ? " sortable" : "");
}

void page_table_close(FILE *out) {
    fputs("</table></div>\n", out);
}
