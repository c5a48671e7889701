// manifest.json of a model from a stranger, and logs.json of a run: as they are, and with the right sum below them.
#include "fuzz.h"

#include "formats/json_parse.h"
#include "formats/json_sealed.h"
#include "formats/manifest.h"
#include "train/log_sums.h"

#include <sys/stat.h>

static char model[FUZZ_PATH], run[FUZZ_PATH], logs[FUZZ_PATH], checkpoint[FUZZ_PATH];

static void make_directories(void) {
    char path[FUZZ_PATH];
    if (*model) return;
    if (mkdir(input_path(model, "model"), 0777) != 0 || mkdir(input_path(run, "run"), 0777) != 0 ||
        mkdir(input_path(path, "run/checkpoints"), 0777) != 0 ||
        mkdir(input_path(checkpoint, "run/checkpoints/00000002"), 0777) != 0)
        abort();
    input_write("model/config.json", "{}", 2);
    input_write("run/checkpoints/00000002/config.json", "{}", 2);
    if (manifest_write(checkpoint) != SIGMOE_OK) abort();
    input_path(logs, "run/logs.json");
}

// What holds of all files holds of each.
static void read_manifest(void) {
    manifest m;
    if (manifest_open(model, &m) != SIGMOE_OK) return;
    if (manifest_check_all(&m) == SIGMOE_OK && manifest_names(&m, "config.json") &&
        manifest_check(&m, "config.json") != SIGMOE_OK)
        abort();
    (void)manifest_check(&m, "model.safetensors");
    manifest_close(&m);
}

static void read_logs(void) {
    json_t *sums;
    if (log_sums_read(run, checkpoint, &sums) == SIGMOE_OK) json_decref(sums);
}

static void read_both(void) {
    read_manifest();
    read_logs();
}

static void write_both(const uint8_t *bytes, size_t size) {
    input_write("model/manifest.json", bytes, size);
    input_write("run/logs.json", bytes, size);
}

// With the sum that the input should have.
static void seal_both(const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH];
    json_t *object = json_parse((const char *)bytes, size, 0, NULL);
    if (json_is_object(object)) {
        (void)json_object_del(object, "sha256");
        (void)json_write_sealed(input_path(path, "model/manifest.json"), object);
        (void)json_write_sealed(logs, object);
    }
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    make_directories();
    write_both(bytes, size);
    read_both();
    seal_both(bytes, size);
    read_both();
    (void)log_sums_write(run, checkpoint, json_object()); // keeps what is known of others
    seal_both(bytes, size);
    fail_an_allocation(bytes, size);
    read_both();
    fail_no_allocation();
    return 0;
}
