#include "formats/json_lines.h"

#include "formats/json_parse.h"

#include <string.h>

sigmoe_status json_lines_open(const char *path, json_lines *out) {
    *out = (json_lines){.path = path};
    return file_map_open(path, &out->map);
}

void json_lines_close(json_lines *lines) {
    file_map_close(&lines->map);
}

int64_t json_lines_count(const json_lines *lines) {
    int64_t count = 0;
    for (size_t i = 0; i < lines->map.size; i++) count += lines->map.bytes[i] == '\n';
    return count;
}

sigmoe_status json_lines_next(json_lines *lines, json_t **out) {
    *out = NULL;
    if (lines->position >= lines->map.size) return SIGMOE_OK;
    const char *line = (const char *)lines->map.bytes + lines->position;
    const char *end = memchr(line, '\n', lines->map.size - lines->position);
    if (!end) return SIGMOE_OK;
    lines->position += (size_t)(end - line) + 1;
    lines->number++;
    *out = json_parse(line, (size_t)(end - line), 0, NULL);
    if (json_is_object(*out)) return SIGMOE_OK;
    json_decref(*out);
    *out = NULL;
    return fail(SIGMOE_BAD_FORMAT, "%s, line %d is no JSON object", lines->path, lines->number);
}
