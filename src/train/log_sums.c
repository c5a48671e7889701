#include "train/log_sums.h"

#include "formats/json_objects.h"
#include "formats/json_sealed.h"
#include "formats/manifest.h"

enum { VERSION = 1 };
static const char REMEDY[] = "restore it, or begin a new run from a checkpoint with `init`";

static sigmoe_status open_sums(const char *path, json_t **out) {
    int64_t version;
    TRY(json_read_sealed(path, "version", REMEDY, out));
    sigmoe_status status = json_get_integer(*out, "", "version", 1, &version);
    if (status == SIGMOE_OK && version != VERSION)
        status = fail(
            SIGMOE_BAD_FORMAT, "\"version\" is %lld; this program reads %d", (long long)version, VERSION);
    if (status == SIGMOE_OK) return status;
    json_decref(*out);
    return fail_in(status, "%s", path);
}

// Copies what is known of checkpoints that are there.
static sigmoe_status copy_others(const char *run, const char *path, json_t *checkpoints) {
    char other[PATH_CAPACITY];
    const char *name;
    json_t *before, *sums;
    if (!path_exists(path)) return SIGMOE_OK;
    TRY(open_sums(path, &before));
    sigmoe_status status = SIGMOE_OK;
    json_object_foreach(json_object_get(before, "checkpoints"), name, sums) {
        if (status == SIGMOE_OK) status = path_format(other, "%s/checkpoints/%s", run, name);
        if (status == SIGMOE_OK && path_exists(other))
            status = json_put(checkpoints, name, json_incref(sums));
    }
    json_decref(before);
    return status;
}

static sigmoe_status fill(json_t *root, const char *run, const char *path, const char *name, json_t *sums) {
    json_t *checkpoints = json_object();
    TRY(json_put(root, "version", json_integer(VERSION)));
    TRY(json_put(root, "checkpoints", checkpoints));
    TRY(copy_others(run, path, checkpoints));
    return json_put(checkpoints, name, json_incref(sums));
}

sigmoe_status log_sums_write(const char *run, const char *directory, json_t *sums) {
    char path[PATH_CAPACITY];
    json_t *root = json_object();
    sigmoe_status status = path_format(path, "%s/logs.json", run);
    if (status == SIGMOE_OK) status = fill(root, run, path, path_leaf(directory), sums);
    json_decref(sums);
    return json_save_sealed(status, path, root);
}

static sigmoe_status read_sums(const char *run, const char *name, json_t **sums) {
    char path[PATH_CAPACITY];
    json_t *root;
    TRY(path_format(path, "%s/logs.json", run));
    TRY(open_sums(path, &root));
    *sums = json_incref(json_object_get(json_object_get(root, "checkpoints"), name));
    json_decref(root);
    if (*sums) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "%s knows nothing of the checkpoint %s: %s", path, name, REMEDY);
}

sigmoe_status log_sums_read(const char *run, const char *directory, json_t **sums) {
    manifest m;
    *sums = NULL;
    TRY(manifest_open(directory, &m));
    bool known = m.root && !m.former;
    manifest_close(&m);
    return known ? read_sums(run, path_leaf(directory), sums) : SIGMOE_OK;
}
