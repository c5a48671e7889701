#include "layout.h"

#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDEST_PROSE = 120, NARROWEST = 20 };

int terminal_columns(int descriptor) {
    struct winsize size = {0};
    return isatty(descriptor) && ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int terminal_lines(int descriptor) {
    struct winsize size = {0};
    return isatty(descriptor) && ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

bool terminal_draws(int descriptor) {
    const char *term = getenv("TERM");
    return isatty(descriptor) && term && strcmp(term, "dumb") != 0;
}

bool terminal_colors(int descriptor) {
    const char *no_color = getenv("NO_COLOR");
    return terminal_draws(descriptor) && !(no_color && *no_color);
}

int prose_columns(void) {
    int columns = terminal_columns(STDOUT_FILENO);
    if (columns == 0) return PLAIN_COLUMNS;
    return columns < NARROWEST ? NARROWEST : columns > WIDEST_PROSE ? WIDEST_PROSE : columns;
}

static int columns_within(const char *text, size_t length) {
    int columns = 0;
    for (size_t i = 0; i < length; i++) columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    return columns;
}

int columns_of(const char *text) {
    return columns_within(text, strlen(text));
}

// The part of the word that is printed next: all of it, or, where no line has room for it, as many of its choices (a|b|c) as
// one line holds.
static size_t next_part(const char *word, size_t letters, int room) {
    size_t part = letters;
    while (columns_within(word, part) > room) {
        size_t shorter = part - 1;
        while (shorter > 0 && word[shorter - 1] != '|') shorter--;
        if (shorter == 0) return part;
        part = shorter;
    }
    return part;
}

// print_folded for the first `length` bytes of `text`. `goes_on` ends lines that are continued.
static void fold(
    FILE *out, const char *text, size_t length, int at, int indent, int width, const char *goes_on) {
    bool begins_line = true;
    for (const char *word = text, *end = text + length; word < end;) {
        size_t spaces = strspn(word, " \n"), letters = strcspn(word + spaces, " \n");
        word += spaces;
        if (word >= end) break;
        if (word + letters > end) letters = (size_t)(end - word);
        letters = next_part(word, letters, width - indent);
        int columns = columns_within(word, letters);
        bool glued = spaces == 0 && word > text; // to the part before
        if (!begins_line && at + !glued + columns > width) {
            fprintf(out, "%s\n%*s", goes_on, indent, "");
            at = indent;
            begins_line = true;
        }
        fprintf(out, "%s%.*s", begins_line || glued ? "" : " ", (int)letters, word);
        at += columns + !(begins_line || glued);
        begins_line = false;
        word += letters;
    }
    putc('\n', out);
}

void print_folded(const char *text, int at, int indent) {
    fold(stdout, text, strlen(text), at, indent, prose_columns(), "");
}

void print_folded_command(const char *text, int at, int indent) {
    static const char goes_on[] = " \\";
    fold(stdout, text, strlen(text), at, indent, prose_columns() - columns_of(goes_on), goes_on);
}

void print_paragraphs(const char *text) {
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        fold(stdout, text, length, 0, 0, prose_columns(), "");
        text += length + strspn(text + length, "\n");
        if (*text) putchar('\n');
    }
}

void print_fitted(const char *lines) {
    int width = terminal_columns(STDOUT_FILENO);
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        if (width == 0 || columns_within(lines, length) <= width)
            printf("%.*s\n", (int)length, lines);
        else
            fold(stdout, lines, length, 0, 2, width, "");
        lines += length + (lines[length] == '\n');
    }
}

// The bytes of "data  " in "data  DIR": a label and the spaces behind it; 0: there is none.
static size_t label_length(const char *line) {
    enum { LONGEST = 16 };
    const char *gap = strstr(line, "  ");
    return gap && gap - line <= LONGEST ? (size_t)(gap - line) + strspn(gap, " ") : 0;
}

void tell_fitted(const char *line) {
    enum { OTHER_LINES = 2 };
    int width = terminal_columns(STDERR_FILENO);
    size_t label = label_length(line), size = 0;
    char *folded = NULL;
    FILE *out = columns_of(line) > width && width >= NARROWEST ? open_memstream(&folded, &size) : NULL;
    if (!out) {
        tell("%s", line);
        return;
    }
    fprintf(out, "%.*s", (int)label, line);
    fold(out, line + label, strlen(line + label), (int)label, label ? (int)label : OTHER_LINES, width, "");
    fclose(out);
    if (folded) fputs(folded, stderr); // at once: several processes may tell something
    free(folded);
}
