// Strict JSON on stdout. Numbers that are not finite become null; strings are escaped.
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct json_output {
    int depth;
    bool begun[8]; // whether the object or list at this depth has a member already
    bool one_line;
} json_output;

// `name` is the member's name inside an object, NULL inside a list and at the top.
void emit_open(json_output *j, const char *name, char bracket); // '{' or '['
void emit_close(json_output *j, char bracket);                  // '}' or ']'
void emit_number(json_output *j, const char *name, double value);
void emit_string(json_output *j, const char *name, const char *text); // NULL becomes null
void emit_bytes(
    json_output *j, const char *name, const char *text, size_t size); // UTF-8, zero bytes included
void emit_bool(json_output *j, const char *name, bool value);
void emit_verbatim(json_output *j, const char *name, const char *json); // an existing JSON text
void emit_members(json_output *j, const char *json); // those of the object that the text is

// Reads DIRECTORY/NAME, a JSON file that the library has just written; the caller frees *text. Otherwise prints the error and
// returns the exit status.
int json_file_read(const char *directory, const char *name, char **text);
// Prints that file.
int json_file_print(const char *directory, const char *name);
