// Strict JSON on stdout. Numbers that are not finite become null; strings are escaped.
#pragma once

#include <stdbool.h>

typedef struct json_output {
    int depth;
    bool begun[8]; // whether the object or list at this depth has a member yet
} json_output;

// `name` is the member's name inside an object, NULL inside a list and at the top.
void json_open(json_output *j, const char *name, char bracket); // '{' or '['
void json_close(json_output *j, char bracket);                  // '}' or ']'
void json_number(json_output *j, const char *name, double value);
void json_string(json_output *j, const char *name, const char *text);   // NULL becomes null
void json_verbatim(json_output *j, const char *name, const char *json); // a JSON text of its own
