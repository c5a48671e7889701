#include "help.h"

#include "layout.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void append(char *buffer, size_t size, const char *format, ...) {
    size_t used = strlen(buffer);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer + used, size - used, format, arguments);
    va_end(arguments);
}

void *command_defaults(const command *c) {
    void *values = calloc(1, c->values_size ? c->values_size : 1);
    if (!values) abort(); // a few hundred bytes, before any work
    if (c->defaults) c->defaults(values);
    return values;
}

// ---------------------------------------------------------------- texts

const char *option_head(const argument *a, char *buffer, size_t size) {
    const char letter[] = {',', ' ', '-', a->letter, '\0'};
    snprintf(buffer, size, "--%s%s%s%s", a->name, a->placeholder ? " " : "",
        a->placeholder ? a->placeholder : "", a->letter ? letter : "");
    return buffer;
}

// The default in words: `preset`, or the value that the command's defaults left; nothing if there is none to show.
static void append_default(char *buffer, size_t size, const argument *a, const void *value) {
    if (a->required || a->preset) {
        append(buffer, size, "%s", a->required ? "required" : a->preset);
        return;
    }
    switch (a->type) {
    case ARGUMENT_CHOICE:
        append(buffer, size, "default %s", a->choices[*(const int *)value]);
        break;
    case ARGUMENT_INT:
        append(buffer, size, "default %d", *(const int *)value);
        break;
    case ARGUMENT_INTEGER:
        append(buffer, size, "default %" PRId64, *(const int64_t *)value);
        break;
    case ARGUMENT_SEED:
        append(buffer, size, "default %" PRIu64, *(const uint64_t *)value);
        break;
    case ARGUMENT_NUMBER:
        append(buffer, size, "default %g", *(const double *)value);
        break;
    case ARGUMENT_TEXT:
        if (*(const char *const *)value) append(buffer, size, "default %s", *(const char *const *)value);
        break;
    case ARGUMENT_FLAG:
    case ARGUMENT_REPEATED:
    case ARGUMENT_MEMORY:
        break;
    }
}

// Most limits only stop slips: that a batch has 1 sequence or more, or at most a million, need not be said.
static bool range_helps(const argument *a) {
    enum { FAR_AWAY = 1000 };
    return a->low != a->high && (a->low > 1 || a->high < FAR_AWAY);
}

// The choices, or the limits.
static void append_values(char *buffer, size_t size, const argument *a) {
    char range[64];
    if (range_helps(a)) append(buffer, size, "%s", argument_range(a, range, sizeof range));
    for (int i = 0; a->choices && a->choices[i]; i++)
        append(buffer, size, "%s%s", i ? "|" : "", a->choices[i]);
}

const char *option_text(const command *c, int index, const void *defaults, char *buffer, size_t size) {
    size_t offset;
    char values[192] = "", preset[192] = "";
    const argument *a = argument_at(c, index, &offset);
    append_values(values, sizeof values, a);
    append_default(preset, sizeof preset, a, (const char *)defaults + offset);
    snprintf(buffer, size, "%s", a->help);
    if (*values || *preset) append(buffer, size, " (%s%s%s)", values, *values && *preset ? "; " : "", preset);
    return buffer;
}

const char *usage_text(const command *c, char *buffer, size_t size) {
    bool optional = false;
    const argument *a;
    snprintf(buffer, size, "%s", c->usage);
    for (int i = 0; (a = argument_at(c, i, NULL)); i++) {
        if (a->required)
            append(buffer, size, "%s--%s %s", *buffer ? " " : "", a->name, a->placeholder);
        else
            optional = true;
    }
    if (optional) append(buffer, size, "%s[options]", *buffer ? " " : "");
    return buffer;
}

// ---------------------------------------------------------------- on the terminal

enum { MARGIN = 2, GAP = 2, NARROW_INDENT = 6, OPTION_COLUMNS = 23 };

void print_entry(const char *name, const char *text, int name_columns) {
    int indent = MARGIN + name_columns + GAP, at = MARGIN + columns_of(name);
    bool narrow = prose_columns() < 2 * indent + NARROW_INDENT;
    if (narrow) indent = NARROW_INDENT;
    printf("%*s%s", MARGIN, "", name);
    // A name that is too long for its column gets a line of its own.
    if (narrow || at + GAP > indent)
        printf("\n%*s", indent, "");
    else
        printf("%*s", indent - at, "");
    print_folded(text, indent, indent);
}

static void print_usage(const command *c) {
    char usage[1024], line[1200];
    snprintf(line, sizeof line, "usage: sigmoe %s %s", c->name, usage_text(c, usage, sizeof usage));
    print_folded(line, 0, NARROW_INDENT);
}

static void print_options(const command *c) {
    void *values = command_defaults(c);
    const argument *a;
    if (argument_at(c, 0, NULL)) putchar('\n');
    for (int i = 0; (a = argument_at(c, i, NULL)); i++) {
        char head[96], text[1024];
        print_entry(
            option_head(a, head, sizeof head), option_text(c, i, values, text, sizeof text), OPTION_COLUMNS);
    }
    free(values);
}

static void print_list(const command *c) {
    help_entry entry;
    int widest = 0;
    for (int i = 0; c->list->at(i, &entry); i++)
        if (columns_of(entry.name) > widest) widest = columns_of(entry.name);
    if (widest > OPTION_COLUMNS) widest = OPTION_COLUMNS;
    putchar('\n');
    print_folded(c->list_title, 0, 0);
    for (int i = 0; c->list->at(i, &entry); i++) print_entry(entry.name, entry.text, widest);
}

static void print_files(const command *c) {
    puts("\nFiles");
    for (const help_entry *e = c->files; e->name; e++) print_entry(e->name, e->text, OPTION_COLUMNS);
}

static void print_examples(const command *c) {
    char line[512];
    puts("\nExamples");
    for (const help_entry *e = c->examples; e->name; e++) {
        printf("%*s", MARGIN, "");
        print_folded(e->text, MARGIN, MARGIN);
        snprintf(line, sizeof line, "sigmoe %s", e->name);
        printf("%*s", NARROW_INDENT, "");
        print_folded_command(line, NARROW_INDENT, NARROW_INDENT + MARGIN);
    }
}

void command_help(const command *c) {
    char line[512];
    snprintf(line, sizeof line, "sigmoe %s: %s", c->name, c->summary);
    print_folded(line, 0, 0);
    putchar('\n');
    print_usage(c);
    print_options(c);
    if (c->details) {
        putchar('\n');
        print_paragraphs(c->details);
    }
    if (c->list) print_list(c);
    if (c->files) print_files(c);
    if (c->examples) print_examples(c);
}
