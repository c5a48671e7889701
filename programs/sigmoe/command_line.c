#include "command_line.h"

#include <string.h>

static int count;
static char *const *words;

void command_line_keep(int argc, char **argv) {
    count = argc;
    words = argv;
}

void print_word(FILE *out, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./,:@%";
    if (*word && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    fputc('\'', out);
}

char *command_line(void) {
    char *line = NULL;
    size_t size;
    FILE *out = open_memstream(&line, &size);
    if (!out) return NULL;
    for (int i = 0; i < count; i++) {
        if (i > 0) fputc(' ', out);
        print_word(out, words[i]);
    }
    return fclose(out) == 0 ? line : NULL;
}
