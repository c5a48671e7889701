// Says what the readers make of inputs, for compare_verdicts.py: verdicts safetensors|json. Standard input holds inputs, each
// behind a line with its size; standard output gets a line for each.
#include "formats/safetensors.h"
#include "prepare/json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void say_safetensors(const char *bytes, size_t size) {
    char path[64];
    safetensors_file *file;
    int descriptor = memfd_create("input", MFD_CLOEXEC);
    if (descriptor < 0 || write(descriptor, bytes, size) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (safetensors_open(path, 1 << 10, &file) == SIGMOE_OK) {
        printf("accepted %d\n", safetensors_count(file));
        safetensors_close(file);
    } else {
        puts("refused");
    }
    close(descriptor);
}

static void say_text(const json_text *text) {
    unsigned char *decoded = malloc(text->size + 1);
    if (!decoded) abort();
    size_t size = json_text_decode(text, (char *)decoded);
    fputs("found ", stdout);
    for (size_t i = 0; i < size; i++) printf("%02x", decoded[i]);
    putchar('\n');
    free(decoded);
}

static void say_json(const char *bytes, size_t size) {
    static const char *const words[] = {[JSON_TEXT_NULL] = "null",
        [JSON_TEXT_MISSING] = "missing",
        [JSON_TEXT_NO_STRING] = "no string",
        [JSON_TEXT_NO_OBJECT] = "no object",
        [JSON_TEXT_NO_JSON] = "refused"};
    json_text text;
    unsigned char *levels = malloc(json_text_levels(size));
    if (!levels) abort();
    json_text_kind kind = json_text_find(bytes, size, levels, &text);
    if (kind == JSON_TEXT_FOUND)
        say_text(&text);
    else
        puts(words[kind]);
    free(levels);
}

int main(int argc, char **argv) {
    size_t size;
    if (argc != 2) return 2;
    while (scanf("%zu", &size) == 1 && getchar() == '\n') {
        char *bytes = malloc(size + 1);
        if (!bytes || fread(bytes, 1, size, stdin) != size) abort();
        if (strcmp(argv[1], "json") == 0)
            say_json(bytes, size);
        else
            say_safetensors(bytes, size);
        free(bytes);
    }
    return 0;
}
