#include "plot/figure_text.h"

enum { TEXT_BYTES = 4 * LONGEST_NAME + 8 };

static void shorten(const char *text, int most, char out[TEXT_BYTES]) {
    int letters = letter_count(text), head = most / 2, tail = most - head - 1, at = 0;
    size_t used = 0;
    bool cut = letters > most;
    for (const char *byte = text; *byte && used < TEXT_BYTES - 4; byte++) {
        bool begins = (*byte & 0xc0) != 0x80;
        at += begins;
        if (cut && at > head && at <= letters - tail) {
            if (begins && at == head + 1) used += (size_t)snprintf(out + used, 4, "…");
            continue;
        }
        out[used++] = *byte;
    }
    out[used] = '\0';
}

// gnuplot's single quotes know one escape: a doubled quote.
void figure_quoted(FILE *out, const char *text, int most) {
    char label[TEXT_BYTES];
    shorten(text, most, label);
    fputc('\'', out);
    for (const char *letter = label; *letter; letter++) {
        if (*letter == '\'') fputc('\'', out);
        fputc((unsigned char)*letter < ' ' ? ' ' : *letter, out);
    }
    fputc('\'', out);
}

void figure_text(FILE *out, const figure_frame *frame, const char *text, double x, double y, const char *side,
    int most, unsigned color) {
    fputs("set label ", out);
    figure_quoted(out, text, most);
    fprintf(out, " at screen %.5f,%.5f %s textcolor rgb '#%06x'\n", x / frame->width, 1 - y / frame->height,
        side, color);
}

void figure_axis_names(FILE *out, const figure_frame *frame, const char *x, const char *y) {
    unsigned ink = figure_colors[COLOR_INK].light;
    figure_text(out, frame, x, (frame->area.left + frame->area.right) / 2, frame->height - 13, "center",
        LONGEST_NAME, ink);
    if (*y) figure_text(out, frame, y, 8, 13, "left", LONGEST_NAME, ink);
}
