// Logs read back: one JSON object a line. A last line that is not finished, of a run that goes on or was killed, is not there.
#pragma once

#include "system/file.h"

#include <jansson.h>

typedef struct json_lines {
    const char *path; // borrowed
    file_map map;
    size_t position;
    int number; // of the line read last, from 1
} json_lines;

sigmoe_status json_lines_open(const char *path, json_lines *out);
void json_lines_close(json_lines *lines);
int64_t json_lines_count(const json_lines *lines);
// The next line's object, the caller's to release; NULL at the end. An error for a line that is none.
sigmoe_status json_lines_next(json_lines *lines, json_t **out);
