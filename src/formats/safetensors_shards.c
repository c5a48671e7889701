// Tensors in several files: an index, {"weight_map": {tensor: file name}}, and beside it the files.
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/safetensors_state.h"

#include <string.h>

// A name in the index leads to a file beside it, nowhere else.
static bool is_plain_name(const char *name) {
    static const char ending[] = ".safetensors";
    size_t length = strlen(name), tail = sizeof ending - 1;
    return name[0] != '.' && !strchr(name, '/') && length > tail && strcmp(name + length - tail, ending) == 0;
}

static safetensors_file *find_shard(const safetensors_file *file, const char *name) {
    for (int i = 0; i < file->shard_count; i++)
        if (strcmp(path_leaf(file->shards[i]->path), name) == 0) return file->shards[i];
    return NULL;
}

static sigmoe_status open_shard(
    safetensors_file *file, const char *directory, const char *name, int64_t expected) {
    char path[PATH_CAPACITY];
    safetensors_file *shard;
    TRY(path_format(path, "%s/%s", directory, name));
    TRY(safetensors_open(path, expected, &shard));
    file->shards[file->shard_count++] = shard;
    file->count += shard->count;
    return SIGMOE_OK;
}

// Opens each file that the index names, once.
static sigmoe_status open_shards(safetensors_file *file, const json_t *map, int64_t expected) {
    char directory[PATH_CAPACITY];
    const char *tensor;
    json_t *value;
    TRY(path_parent(file->path, directory));
    TRY(ARENA_NEW(file->memory, file->shards, json_object_size(map)));
    json_object_foreach((json_t *)map, tensor, value) {
        const char *name = json_string_value(value);
        if (!name || !is_plain_name(name))
            return fail(SIGMOE_BAD_FORMAT,
                "%s: tensor \"%.80s\" is said to be in \"%.80s\", which is not the name of a .safetensors "
                "file beside it",
                file->path, tensor, name ? name : "(no text)");
        if (!find_shard(file, name)) TRY(open_shard(file, directory, name, expected));
    }
    return SIGMOE_OK;
}

// Every tensor of a file is said to be in it, and so in no other.
static sigmoe_status take_tensors(safetensors_file *file, const json_t *map) {
    int taken = 0;
    TRY(ARENA_NEW(file->memory, file->tensors, file->count));
    for (int i = 0; i < file->shard_count; i++) {
        const safetensors_file *shard = file->shards[i];
        for (int j = 0; j < shard->count; j++) {
            const char *name = shard->tensors[j].name;
            const char *place = json_string_value(json_object_get(map, name));
            if (!place)
                return fail(SIGMOE_BAD_FORMAT, "%s: it does not name tensor \"%.80s\", which is in %s",
                    file->path, name, path_leaf(shard->path));
            if (strcmp(place, path_leaf(shard->path)) != 0)
                return fail(SIGMOE_BAD_FORMAT, "%s: tensor \"%.80s\" should be in %.80s, but %s has one, too",
                    file->path, name, place, path_leaf(shard->path));
            file->tensors[taken++] = shard->tensors[j];
        }
    }
    return SIGMOE_OK;
}

static sigmoe_status check_map(const safetensors_file *file, const json_t *map) {
    const char *tensor;
    json_t *value;
    json_object_foreach((json_t *)map, tensor, value) {
        const char *name = json_string_value(value);
        if (!safetensors_find(find_shard(file, name), tensor))
            return fail(SIGMOE_BAD_FORMAT, "%s: tensor \"%.80s\" is not in %.80s", file->path, tensor, name);
    }
    return SIGMOE_OK;
}

static sigmoe_status read_index(safetensors_file *file, int64_t expected) {
    json_t *root, *map;
    TRY(json_read_object(file->path, &root));
    sigmoe_status status = json_get_object(root, "", "weight_map", &map);
    if (status != SIGMOE_OK) status = fail_in(status, "%s", file->path);
    if (status == SIGMOE_OK) status = open_shards(file, map, expected);
    if (status == SIGMOE_OK) status = take_tensors(file, map);
    if (status == SIGMOE_OK) status = check_map(file, map);
    json_decref(root);
    return status;
}

sigmoe_status safetensors_open_shards(const char *path, int64_t expected, safetensors_file **out) {
    arena *memory;
    safetensors_file *file;
    TRY(ARENA_AROUND("safetensors", memory, file));
    file->memory = memory;
    file->descriptor = -1;
    file->path = arena_text(memory, "%s", path);
    sigmoe_status status = file->path ? read_index(file, expected) : SIGMOE_NO_MEMORY;
    if (status == SIGMOE_OK)
        *out = file;
    else
        safetensors_close(file);
    return status;
}
