#include "formats/manifest.h"

#include "base/arena.h"
#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/json_sealed.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum { VERSION = 1 };
static const char REMEDY[] = "restore it, or remove it to have the files beside it read unchecked";

// ---------------------------------------------------------------- sums

sigmoe_status file_sum_put(json_t *sums, const char *name, const file_sum *sum) {
    return json_put(
        sums, name, json_pack("{s:I, s:s}", "bytes", (json_int_t)sum->bytes, "sha256", sum->sha256));
}

sigmoe_status file_sum_get(const json_t *sums, const char *name, file_sum *sum, bool *found) {
    const json_t *entry = json_object_get(sums, name), *bytes = json_object_get(entry, "bytes");
    const char *hex = json_string_value(json_object_get(entry, "sha256"));
    *found = entry != NULL;
    if (!entry) return SIGMOE_OK;
    if (!hex || strlen(hex) != SHA256_HEX - 1 || !json_is_integer(bytes))
        return fail(SIGMOE_BAD_FORMAT, "there is no size and sum of %.80s: %s", name, REMEDY);
    sum->bytes = json_integer_value(bytes);
    memcpy(sum->sha256, hex, SHA256_HEX);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- writing

// Of a file in the directory; adds nothing for what is no file.
static sigmoe_status add_file(json_t *files, const char *directory, const char *name) {
    char path[PATH_CAPACITY];
    struct stat about;
    file_sum sum;
    TRY(path_format(path, "%s/%s", directory, name));
    if (lstat(path, &about) != 0) return fail_errno("cannot read %s", path);
    if (!S_ISREG(about.st_mode)) return SIGMOE_OK;
    TRY(sha256_file(path, sum.sha256));
    sum.bytes = about.st_size;
    return file_sum_put(files, name, &sum);
}

static sigmoe_status add_files(json_t *files, const char *directory, arena *a) {
    char **names;
    int count;
    TRY(directory_list(directory, a, &names, &count));
    for (int i = 0; i < count; i++)
        if (names[i][0] != '.' && strcmp(names[i], MANIFEST_NAME) != 0)
            TRY(add_file(files, directory, names[i]));
    return SIGMOE_OK;
}

static sigmoe_status fill(json_t *root, const char *directory) {
    arena *a;
    json_t *files = json_object();
    TRY(json_put(root, "version", json_integer(VERSION)));
    TRY(json_put(root, "files", files));
    TRY(arena_create("list of files", &a));
    sigmoe_status status = add_files(files, directory, a);
    arena_destroy(a);
    return status;
}

sigmoe_status manifest_write(const char *directory) {
    char path[PATH_CAPACITY];
    json_t *root = json_object();
    sigmoe_status status = path_format(path, "%s/" MANIFEST_NAME, directory);
    if (status == SIGMOE_OK) status = fill(root, directory);
    return json_save_sealed(status, path, root);
}

sigmoe_status manifest_leave_out(manifest *m, const char *const *names) {
    char path[PATH_CAPACITY];
    TRY(path_format(path, "%s/" MANIFEST_NAME, m->directory));
    for (; *names; names++) (void)json_object_del(json_object_get(m->root, "files"), *names);
    return json_write_sealed(path, m->root);
}

// ---------------------------------------------------------------- reading

static sigmoe_status check_version(const json_t *root) {
    int64_t version;
    json_t *files;
    TRY(json_get_integer(root, "", "version", 1, &version));
    if (version != VERSION)
        return fail(SIGMOE_BAD_FORMAT, "\"version\" is %" PRId64 "; this program reads %d", version, VERSION);
    return json_get_object(root, "", "files", &files);
}

static sigmoe_status read_manifest(const char *path, manifest *m) {
    json_t *root;
    TRY(json_read_sealed(path, "version", REMEDY, &root));
    sigmoe_status status = check_version(root);
    if (status == SIGMOE_OK)
        m->root = root;
    else
        json_decref(root);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

// ---------------------------------------------------------------- checkpoints of version 0.1.0

// They have sums in trainer.json. A damaged key must not let it pass for a file from before there were sums: there are no others.
static sigmoe_status check_former(const json_t *root) {
    static const char *const known[] = {"version", "step", "seed", "cursor", "memory_rows", "sha256"};
    static const char *const summed[] = {"config.json", "model.safetensors", "trainer.safetensors"};
    const json_t *sums = json_object_get(root, "sha256");
    size_t members = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        members += json_object_get(root, known[i]) != NULL;
    bool whole = members == json_object_size(root);
    for (size_t i = 0; sums && i < sizeof summed / sizeof *summed; i++)
        whole = whole && json_is_string(json_object_get(sums, summed[i]));
    return whole ? SIGMOE_OK : fail(SIGMOE_BAD_FORMAT, "not as the program writes it: %s", REMEDY);
}

static sigmoe_status take_former(const json_t *root, manifest *m) {
    const char *name;
    json_t *sum, *files;
    TRY(check_former(root));
    if (!json_object_get(root, "sha256")) return SIGMOE_OK;
    m->former = true;
    m->root = json_object();
    files = json_object();
    TRY(json_put(m->root, "files", files));
    json_object_foreach(json_object_get(root, "sha256"), name, sum)
        TRY(json_put(files, name, json_pack("{s:i, s:O}", "bytes", -1, "sha256", sum)));
    return SIGMOE_OK;
}

// Of a directory without a manifest, but with this file.
static sigmoe_status read_former(const char *path, manifest *m) {
    json_t *root;
    int64_t version;
    TRY(json_read_object(path, &root));
    sigmoe_status status = json_get_integer(root, "", "version", 1, &version);
    if (status == SIGMOE_OK && version > 1)
        status = fail(SIGMOE_BAD_FORMAT,
            "this checkpoint's " MANIFEST_NAME
            " is missing: restore it, or remove this file, too, to have the rest read as a model unchecked");
    if (status == SIGMOE_OK) status = take_former(root, m);
    json_decref(root);
    if (status != SIGMOE_OK) manifest_close(m);
    return status == SIGMOE_OK ? SIGMOE_OK : fail_in(status, "%s", path);
}

// ---------------------------------------------------------------- checking

sigmoe_status manifest_open(const char *directory, manifest *m) {
    char path[PATH_CAPACITY];
    *m = (manifest){0};
    TRY(path_format(m->directory, "%s", directory));
    TRY(path_format(path, "%s/" MANIFEST_NAME, directory));
    if (path_exists(path)) return read_manifest(path, m);
    TRY(path_format(path, "%s/trainer.json", directory));
    return path_exists(path) ? read_former(path, m) : SIGMOE_OK;
}

void manifest_close(manifest *m) {
    json_decref(m->root);
    m->root = NULL;
    m->former = false;
}

bool manifest_names(const manifest *m, const char *name) {
    return json_object_get(json_object_get(m->root, "files"), name) != NULL;
}

static sigmoe_status is_another(const manifest *m, const char *name) {
    const char *told_by = m->former ? "trainer.json" : MANIFEST_NAME;
    return fail(SIGMOE_BAD_FORMAT,
        "%s/%.80s is not as it was written, as %s tells: restore it, use another model or checkpoint, or "
        "remove %s if it was changed on purpose",
        m->directory, name, told_by, told_by);
}

static sigmoe_status find_sum(const manifest *m, const char *name, file_sum *sum, bool *found) {
    sigmoe_status status = file_sum_get(json_object_get(m->root, "files"), name, sum, found);
    if (status != SIGMOE_OK) return fail_in(status, "%s/" MANIFEST_NAME, m->directory);
    if (*found || !m->root || m->former) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT,
        "%s/" MANIFEST_NAME
        " does not name %.80s, which is of another model: use another model, or remove " MANIFEST_NAME
        " if the files belong together",
        m->directory, name);
}

sigmoe_status manifest_check_sum(const manifest *m, const char *name, const char *sha256) {
    bool found;
    file_sum sum;
    TRY(find_sum(m, name, &sum, &found));
    return !found || strcmp(sha256, sum.sha256) == 0 ? SIGMOE_OK : is_another(m, name);
}

// A size that is another tells of a file cut short without reading it.
sigmoe_status manifest_check(const manifest *m, const char *name) {
    char path[PATH_CAPACITY], hex[SHA256_HEX];
    struct stat about;
    file_sum sum;
    bool found;
    TRY(find_sum(m, name, &sum, &found));
    if (!found) return SIGMOE_OK;
    TRY(path_format(path, "%s/%s", m->directory, name));
    if (stat(path, &about) != 0) return fail_errno("cannot read %s", path);
    if (sum.bytes >= 0 && about.st_size != sum.bytes) return is_another(m, name);
    TRY(sha256_file(path, hex));
    return strcmp(hex, sum.sha256) == 0 ? SIGMOE_OK : is_another(m, name);
}

// Nothing outside of the directory is read.
static sigmoe_status check_name(const manifest *m, const char *name) {
    if (name[0] && name[0] != '.' && !strchr(name, '/')) return SIGMOE_OK;
    return fail(SIGMOE_BAD_FORMAT, "%s/" MANIFEST_NAME " names \"%.80s\", which is no file beside it: %s",
        m->directory, name, REMEDY);
}

sigmoe_status manifest_check_all(const manifest *m) {
    const char *name;
    json_t *entry;
    json_object_foreach(json_object_get(m->root, "files"), name, entry) {
        TRY(check_name(m, name));
        TRY(manifest_check(m, name));
    }
    return SIGMOE_OK;
}

sigmoe_status manifest_check_file(const char *directory, const char *name) {
    manifest m;
    TRY(manifest_open(directory, &m));
    sigmoe_status status = manifest_check(&m, name);
    manifest_close(&m);
    return status;
}
