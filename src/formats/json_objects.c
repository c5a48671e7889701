#include "formats/json_objects.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

sigmoe_status json_put(json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) == 0) return SIGMOE_OK;
    return fail(SIGMOE_NO_MEMORY, "no memory for the JSON value of %s", key);
}

sigmoe_status json_hand_out(sigmoe_status filled, json_t *value, json_t **out) {
    if (filled == SIGMOE_OK)
        *out = value;
    else
        json_decref(value);
    return filled;
}

json_t *json_resolved_path(const char *path) {
    char *resolved = realpath(path, NULL);
    json_t *text = json_string(resolved ? resolved : path);
    free(resolved);
    return text;
}

json_t *json_whole_copy(const json_t *value) {
    json_t *copy = json_deep_copy(value);
    if (json_equal(copy, value)) return copy;
    json_decref(copy);
    return NULL;
}

json_t *json_finite(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_name(const char *name, arena *a) {
    json_t *value = json_string(name);
    char *ascii = value ? NULL : arena_text(a, "%s", name);
    if (!ascii) return value;
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    return json_string(ascii);
}

static sigmoe_status lacks(const json_t *object, const char *path, const char *key, const char *what) {
    const char *but = json_object_get(object, key) ? "" : ", but is missing";
    return fail(SIGMOE_BAD_FORMAT, "\"%s%s\" must be %s%s", path, key, what, but);
}

sigmoe_status json_get_integer(
    const json_t *object, const char *path, const char *key, int64_t low, int64_t *value) {
    const json_t *member = json_object_get(object, key);
    if (!json_is_integer(member)) return lacks(object, path, key, "an integer");
    *value = json_integer_value(member);
    if (*value >= low) return SIGMOE_OK;
    return fail(
        SIGMOE_BAD_FORMAT, "\"%s%s\" is %" PRId64 "; it must be at least %" PRId64, path, key, *value, low);
}

sigmoe_status json_get_text(const json_t *object, const char *path, const char *key, const char **value) {
    const json_t *member = json_object_get(object, key);
    if (!json_is_string(member)) return lacks(object, path, key, "a text");
    *value = json_string_value(member);
    return SIGMOE_OK;
}

sigmoe_status json_get_object(const json_t *object, const char *path, const char *key, json_t **value) {
    *value = json_object_get(object, key);
    return json_is_object(*value) ? SIGMOE_OK : lacks(object, path, key, "an object");
}
