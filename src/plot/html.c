#include "plot/html.h"

#include "base/printable.h"

#include <stdint.h>
#include <string.h>

static void print_character(FILE *out, const char *text, const printable *p) {
    switch (*text) {
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
    case '\n':
    case '\t':
        fputc(*text, out);
        break;
    default:
        fwrite(p->bytes, 1, p->size, out);
    }
}

void html_text_part(FILE *out, const char *text, size_t size) {
    for (printable p; size > 0; text += p.taken, size -= p.taken) {
        p = printable_at(text, size);
        print_character(out, text, &p);
    }
}

void html_text(FILE *out, const char *text) {
    html_text_part(out, text, strlen(text));
}

static void print_json_byte(FILE *out, char byte) {
    if (byte == '\n' || byte == '<' || byte == '"' || byte == '\\')
        fprintf(out, "\\u%04x", (unsigned)byte);
    else
        fputc(byte, out);
}

void json_string_print(FILE *out, const char *text) {
    fputc('"', out);
    for (printable p; *text; text += p.taken) {
        p = printable_at(text, SIZE_MAX);
        if (*text == '\n') p = (printable){1, 1, "\n"};
        for (size_t i = 0; i < p.size; i++) print_json_byte(out, p.bytes[i]);
    }
    fputc('"', out);
}
