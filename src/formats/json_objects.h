// Builds and reads the small JSON objects of runs and checkpoints.
#pragma once

#include "base/arena.h"

#include <jansson.h>

// Sets `key` to `value`. Takes over `value` even on failure; NULL is treated as out of memory.
sigmoe_status json_put(json_t *object, const char *key, json_t *value);
// Gives the caller what was `filled`, or releases it; returns `filled`.
sigmoe_status json_hand_out(sigmoe_status filled, json_t *value, json_t **out);
// A copy of all of it, where jansson's own lacks what there is no memory for; the caller's. NULL: no memory.
json_t *json_whole_copy(const json_t *value);
// The number, or null where JSON has none: NaN and infinity.
json_t *json_finite(double value);
// A name of files, which may contain any bytes, as a string, which is UTF-8: if it is not, bytes above 127 become `?`.
json_t *json_name(const char *name, arena *a);

// The path without links and relative parts, so that it holds from any working directory; as it is, if it cannot be resolved.
json_t *json_resolved_path(const char *path);

// Read required members. Errors call `object` `path` ("trainer.json: cursor.").
sigmoe_status json_get_integer(
    const json_t *object, const char *path, const char *key, int64_t low, int64_t *value);
sigmoe_status json_get_text(const json_t *object, const char *path, const char *key, const char **value);
sigmoe_status json_get_object(const json_t *object, const char *path, const char *key, json_t **value);
