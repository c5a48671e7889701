#include "json_output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_string(const char *text) {
    putchar('"');
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            printf("\\u%04x", *c);
        else
            putchar(*c);
    }
    putchar('"');
}

static void begin_member(json_output *j, const char *name) {
    if (j->begun[j->depth]) putchar(',');
    if (j->depth) printf("\n%*s", 2 * j->depth, "");
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
    if (!empty) printf("\n%*s", 2 * j->depth, "");
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

void emit_verbatim(json_output *j, const char *name, const char *json) {
    begin_member(j, name);
    size_t length = strlen(json);
    while (length && json[length - 1] == '\n') length--;
    for (size_t i = 0; i < length; i++) {
        putchar(json[i]);
        if (json[i] == '\n') printf("%*s", 2 * j->depth, "");
    }
}
