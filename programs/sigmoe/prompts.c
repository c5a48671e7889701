#include "prompts.h"

#include "report.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail_reading(const char *path, int error) {
    return complain(
        EXIT_FAILED, "cannot read %s: %s", strcmp(path, "-") == 0 ? "standard input" : path, strerror(error));
}

// Takes over `text`, which may be NULL: out of memory.
static bool add(prompts *p, char *text, size_t size) {
    size_t room = (size_t)p->count + 1;
    char **texts = text ? realloc(p->texts, room * sizeof *texts) : NULL;
    if (texts) p->texts = texts;
    size_t *sizes = texts ? realloc(p->sizes, room * sizeof *sizes) : NULL;
    if (!sizes) {
        free(text);
        errno = ENOMEM;
        return false;
    }
    p->sizes = sizes;
    p->texts[p->count] = text;
    p->sizes[p->count++] = size;
    return true;
}

static char *read_all(FILE *file, size_t *size) {
    size_t capacity = 1 << 12;
    char *text = malloc(capacity);
    for (*size = 0; text;) {
        *size += fread(text + *size, 1, capacity - *size - 1, file);
        if (*size < capacity - 1) break;
        char *more = realloc(text, capacity *= 2);
        if (!more) free(text);
        text = more;
    }
    if (text) text[*size] = '\0';
    return text;
}

static bool read_whole(FILE *file, prompts *out) {
    size_t size;
    char *text = read_all(file, &size);
    if (text && ferror(file)) {
        free(text);
        return false;
    }
    return add(out, text, size);
}

static bool read_lines(FILE *file, prompts *out) {
    char *line = NULL;
    size_t room = 0;
    for (ssize_t length; (length = getline(&line, &room, file)) >= 0; line = NULL, room = 0) {
        if (length > 0 && line[length - 1] == '\n') line[--length] = '\0';
        if (!add(out, line, (size_t)length)) return false;
    }
    free(line);
    return !ferror(file);
}

static int read_from(const char *path, bool (*read)(FILE *file, prompts *out), prompts *out) {
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    *out = (prompts){0};
    if (!file) return fail_reading(path, errno);
    bool done = read(file, out);
    int error = errno;
    if (!standard) fclose(file);
    if (done) return EXIT_FINE;
    prompts_free(out);
    return fail_reading(path, error);
}

int prompts_read_file(const char *path, prompts *out) {
    return read_from(path, read_whole, out);
}

int prompts_read_lines(const char *path, prompts *out) {
    return read_from(path, read_lines, out);
}

void prompts_free(prompts *p) {
    for (int64_t i = 0; i < p->count; i++) free(p->texts[i]);
    free(p->texts);
    free(p->sizes);
    *p = (prompts){0};
}
