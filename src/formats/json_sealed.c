#include "formats/json_sealed.h"

#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "system/file.h"
#include "system/sha256.h"

#include <stdlib.h>
#include <string.h>

static const char KEY[] = "sha256";
enum { END = 2, SEAL = 96 }; // "\n}"; room for the last two lines

// The last two lines of a file, of which `size` bytes are before them.
static void seal_of(const void *bytes, size_t size, char seal[SEAL]) {
    struct sha256_ctx state;
    char hex[SHA256_HEX];
    sha256_init(&state);
    if (size) sha256_update(&state, size, bytes);
    sha256_hex(&state, hex);
    snprintf(seal, SEAL, "  \"%s\": \"%s\"\n}\n", KEY, hex);
}

static sigmoe_status print_sealed(FILE *out, const void *text) {
    char *lines = NULL, seal[SEAL];
    int length = asprintf(&lines, "%.*s,\n", (int)(strlen(text) - END), (const char *)text);
    if (length < 0) return fail(SIGMOE_NO_MEMORY, "no memory for the sum of a file");
    seal_of(lines, (size_t)length, seal);
    fprintf(out, "%s%s", lines, seal);
    free(lines);
    return SIGMOE_OK;
}

sigmoe_status json_write_sealed(const char *path, const json_t *object) {
    return json_write_as(path, object, print_sealed);
}

sigmoe_status json_save_sealed(sigmoe_status filled, const char *path, json_t *root) {
    sigmoe_status status = filled == SIGMOE_OK ? json_write_sealed(path, root) : filled;
    json_decref(root);
    return status;
}

static bool seal_holds(const file_map *map) {
    char seal[SEAL];
    seal_of(NULL, 0, seal); // for its length
    size_t length = strlen(seal);
    if (map->size < length) return false;
    seal_of(map->bytes, map->size - length, seal);
    return memcmp(map->bytes + map->size - length, seal, length) == 0;
}

static sigmoe_status check_seal(const char *path, const char *remedy) {
    file_map map;
    TRY(file_map_open(path, &map));
    bool holds = seal_holds(&map);
    file_map_close(&map);
    if (holds) return SIGMOE_OK;
    return fail(
        SIGMOE_BAD_FORMAT, "%s was changed since it was written, as its own sum tells: %s", path, remedy);
}

static sigmoe_status add_remedy(sigmoe_status status, const char *remedy) {
    kept_failure failure = failure_keep(status);
    return fail(status, "%s: %s", failure.sentence, remedy);
}

sigmoe_status json_read_sealed(const char *path, const char *sealed, const char *remedy, json_t **out) {
    json_t *root;
    sigmoe_status status = json_read_object(path, &root);
    if (status == SIGMOE_BAD_FORMAT) return add_remedy(status, remedy);
    TRY(status);
    if (json_object_get(root, KEY) || json_object_get(root, sealed)) status = check_seal(path, remedy);
    (void)json_object_del(root, KEY);
    return json_hand_out(status, root, out);
}
