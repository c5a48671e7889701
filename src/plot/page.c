#include "plot/page.h"

#include "plot/style.h"

void page_open(FILE *out, const char *title, int reload_seconds) {
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
        out);
    html_text(out, title);
    fputs("</title>\n", out);
    if (reload_seconds > 0) fprintf(out, "<meta http-equiv=\"refresh\" content=\"%d\">\n", reload_seconds);
    fputs("<link rel=\"icon\" href=\"data:,\">\n", out);
    report_style_print(out);
    fputs("</head>\n<body>\n<main>\n<h1>", out);
    html_text(out, title);
    fputs("</h1>\n", out);
}

void page_close(FILE *out) {
    fputs("</main>\n</body>\n</html>\n", out);
}

void page_figure(FILE *out, const figure *f) {
    fprintf(out, "<figure id=\"%s\"><h3>%s</h3>\n", f->name, f->title);
    fputs(f->svg ? f->svg : "<p>There is no finite number to draw.</p>", out);
    fputs("<figcaption>", out);
    html_text(out, f->caption);
    fputs("</figcaption></figure>\n", out);
}

void html_text(FILE *out, const char *text) {
    for (; *text; text++) switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
}
