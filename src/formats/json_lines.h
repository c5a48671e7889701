// Reads logs: one JSON object per line. An unfinished last line, of a run that is active or was killed, is ignored.
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
// Returns the object on the next line, owned by the caller; NULL at the end. A line that is not an object is an error.
sigmoe_status json_lines_next(json_lines *lines, json_t **out);
