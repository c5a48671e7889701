#include "write_share/roff.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 76 }; // columns; mandoc complains of more than 80

// One character as roff input. `literal`: neither a quotation mark nor a hyphen, but what is typed.
static void put_character(FILE *out, char c, bool literal) {
    if (c == '\\')
        fputs("\\e", out);
    else if (literal && c == '-')
        fputs("\\-", out);
    else if (literal && c == '\'')
        fputs("\\(aq", out);
    else if (literal && c == '`')
        fputs("\\(ga", out);
    else
        fputc(c, out);
}

static bool begins_option(const char *text, const char *at) {
    return at[0] == '-' && at[1] == '-' && isalpha((unsigned char)at[2]) &&
           (at == text || !isalnum((unsigned char)at[-1]));
}

// Prose with its escapes, still on one line. The caller frees it.
static char *marked(const char *text) {
    char *marked_text = NULL;
    size_t size;
    FILE *out = open_memstream(&marked_text, &size);
    bool quoted = false, option = false;
    if (!out) abort();
    for (const char *c = text; *c; c++) {
        if (*c == '`') {
            fputs(quoted ? "\\fR" : "\\fB", out);
            quoted = !quoted;
            continue;
        }
        if (!quoted && !option && begins_option(text, c)) {
            fputs("\\fB", out);
            option = true;
        } else if (option && !isalnum((unsigned char)*c) && *c != '-') {
            fputs("\\fR", out);
            option = false;
        }
        put_character(out, *c, quoted || option);
    }
    if (option || quoted) fputs("\\fR", out);
    fclose(out);
    return marked_text;
}

// As mandoc counts: it takes every character beyond ASCII for the eight of an escape, \\[u03C3].
static size_t source_columns(const char *word, size_t length) {
    size_t columns = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)word[i];
        columns += byte < 0x80 ? 1 : byte >= 0xc0 ? 8 : 0;
    }
    return columns;
}

static bool ends_sentence(const char *word, size_t length) {
    if (length > 3 && memcmp(word + length - 3, "...", 3) == 0) return false;
    while (length > 0 && strchr(")\"", word[length - 1])) length--;
    return length > 0 && strchr(".!?", word[length - 1]);
}

// Words that end lines without a sentence's end, or would begin requests, get a character of no width.
static void put_word(FILE *out, const char *word, size_t length, bool first) {
    bool request = first && strchr(".'", *word),
         dots = length > 3 && memcmp(word + length - 3, "...", 3) == 0;
    fprintf(out, "%s%.*s%s", request ? "\\&" : "", (int)length, word, dots ? "\\&" : "");
}

void put_prose(FILE *out, const char *text) {
    char *all = marked(text);
    size_t used = 0;
    for (const char *word = all + strspn(all, " \n"); *word;) {
        size_t length = strcspn(word, " \n"), columns = source_columns(word, length);
        if (used > 0 && used + 1 + columns > LINE) {
            fputc('\n', out);
            used = 0;
        }
        if (used > 0) used += (size_t)fprintf(out, " ");
        put_word(out, word, length, used == 0);
        used += columns;
        if (ends_sentence(word, length)) {
            fputc('\n', out);
            used = 0;
        }
        word += length;
        word += strspn(word, " \n");
    }
    if (used > 0) fputc('\n', out);
    free(all);
}

void put_command(FILE *out, const char *text) {
    size_t used = 0;
    for (const char *word = text; *word;) {
        size_t length = strcspn(word, " ");
        if (used > 0 && used + 3 + length > LINE - 12) {
            fputs(" \\e\n    ", out);
            used = 4;
        } else if (used > 0) {
            fputc(' ', out);
        }
        for (size_t i = 0; i < length; i++) put_character(out, word[i], true);
        used += length + 1;
        word += length + (word[length] == ' ');
    }
    fputc('\n', out);
}

void put_literal(FILE *out, const char *text) {
    for (; *text; text++) put_character(out, *text, true);
}
