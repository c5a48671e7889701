#include "json_output.h"

#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_bytes(const char *text, size_t size) {
    putchar('"');
    for (const char *c = text; c < text + size; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void print_string(const char *text) {
    print_bytes(text, strlen(text));
}

static void begin_line(const json_output *j) {
    if (!j->one_line) printf("\n%*s", 2 * j->depth, "");
}

static void begin_member(json_output *j, const char *name) {
    if (j->begun[j->depth]) fputs(j->one_line ? ", " : ",", stdout);
    if (j->depth) begin_line(j);
    j->begun[j->depth] = true;
    if (!name) return;
    print_string(name);
    printf(": ");
}

void emit_open(json_output *j, const char *name, char bracket) {
    begin_member(j, name);
    putchar(bracket);
    j->begun[++j->depth] = false;
}

void emit_close(json_output *j, char bracket) {
    bool empty = !j->begun[j->depth--];
    if (!empty) begin_line(j);
    putchar(bracket);
    if (!j->depth) putchar('\n');
}

void emit_number(json_output *j, const char *name, double value) {
    begin_member(j, name);
    if (!isfinite(value))
        printf("null");
    else
        printf("%.17g", value);
}

void emit_string(json_output *j, const char *name, const char *text) {
    begin_member(j, name);
    if (text)
        print_string(text);
    else
        printf("null");
}

void emit_bytes(json_output *j, const char *name, const char *text, size_t size) {
    begin_member(j, name);
    print_bytes(text, size);
}

void emit_bool(json_output *j, const char *name, bool value) {
    begin_member(j, name);
    printf(value ? "true" : "false");
}

void emit_verbatim(json_output *j, const char *name, const char *json) {
    begin_member(j, name);
    size_t length = strlen(json);
    while (length && json[length - 1] == '\n') length--;
    for (size_t i = 0; i < length; i++) {
        putchar(json[i]);
        if (json[i] == '\n') printf("%*s", 2 * j->depth, "");
    }
}

void emit_members(json_output *j, const char *json) {
    const char *first = json + strcspn(json, "{") + 1, *end = strrchr(json, '}');
    first += strspn(first, " \n");
    while (end > first && strchr(" \n", end[-1])) end--;
    if (end <= first) return;
    begin_member(j, NULL);
    fwrite(first, 1, (size_t)(end - first), stdout);
}

int json_file_read(const char *directory, const char *name, char **text) {
    char path[1 << 13];
    size_t size = 0;
    *text = NULL;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    ssize_t length = file ? getdelim(text, &size, '\0', file) : -1; // JSON has no zero byte
    int error = errno;
    if (file) fclose(file);
    if (length >= 0) return EXIT_FINE;
    free(*text);
    return complain(EXIT_FAILED, "cannot read %s: %s", path, strerror(error));
}

int json_file_print(const char *directory, const char *name) {
    char *text;
    int status = json_file_read(directory, name, &text);
    if (status != EXIT_FINE) return status;
    fputs(text, stdout);
    free(text);
    return EXIT_FINE;
}
