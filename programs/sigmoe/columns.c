#include "columns.h"

#include "layout.h"

#include <stdio.h>
#include <unistd.h>

enum { GAP = 2, LEAST_PROSE = 30, INDENT = 4 };

void columns_measure(columns *t, const char *const *cells) {
    for (int i = 0; i < t->count; i++) {
        column *c = &t->columns[i];
        int heading = columns_of(c->heading), cell = columns_of(cells[i]);
        if (heading > c->width) c->width = heading;
        if (cell > c->width) c->width = cell;
    }
}

// Without the prose.
static int width_of(const columns *t) {
    int width = -GAP;
    for (int i = 0; i < t->count; i++)
        if (!t->columns[i].gone && !t->columns[i].prose) width += t->columns[i].width + GAP;
    return width;
}

static void leave_out(columns *t) {
    for (int turn = 1; turn < t->count && width_of(t) > t->terminal; turn++)
        for (int i = 0; i < t->count; i++)
            if (t->columns[i].goes == turn) t->columns[i].gone = true;
    t->records = width_of(t) > t->terminal;
}

static void print_cell(const column *c, const char *text, bool last) {
    int space = c->width - columns_of(text);
    printf("%*s%s%*s", c->right ? space : 0, "", text, c->right || last ? 0 : space, "");
}

static void print_prose(const columns *t, const char *text) {
    int at = width_of(t) + GAP;
    bool below = t->terminal > 0 && t->terminal - at < LEAST_PROSE;
    if (below) at = INDENT;
    printf("%s%*s", below ? "\n" : "", below ? INDENT : GAP, "");
    if (t->terminal > 0)
        print_folded(text, at, at);
    else
        puts(text);
}

static void print_row(const columns *t, const char *const *cells) {
    int last = t->count - 1;
    while (t->columns[last].gone) last--; // the first stays
    for (int i = 0; i <= last; i++) {
        const column *c = &t->columns[i];
        if (c->gone) continue;
        if (c->prose) {
            print_prose(t, cells[i]);
            return;
        }
        if (i > 0) printf("%*s", GAP, "");
        print_cell(c, cells[i], i == last);
    }
    putchar('\n');
}

static void print_record(const columns *t, const char *const *cells) {
    char line[1024] = "";
    int used = 0;
    puts(cells[0]);
    for (int i = 1; i < t->count && used < (int)sizeof line; i++)
        if (!t->columns[i].gone)
            used += snprintf(line + used, sizeof line - (size_t)used, "%s%s%s %s", used ? ", " : "",
                t->columns[i].prose ? "" : t->columns[i].heading, t->columns[i].prose ? "" : ":", cells[i]);
    printf("%*s", INDENT, "");
    print_folded(line, INDENT, INDENT);
}

void columns_print(const columns *t, const char *const *cells) {
    if (t->records)
        print_record(t, cells);
    else
        print_row(t, cells);
}

void columns_begin(columns *t) {
    enum { MOST = 16 };
    const char *headings[MOST];
    t->terminal = terminal_columns(STDOUT_FILENO);
    for (int i = 0; i < t->count && i < MOST; i++) headings[i] = t->columns[i].heading;
    columns_measure(t, headings);
    if (t->terminal > 0) leave_out(t);
    if (!t->records) print_row(t, headings);
}
