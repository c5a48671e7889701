// Manifests and sealed JSON: every changed byte is told, and hostile ones lead nowhere else.
#include "formats/manifest.h"

#include "formats/json_objects.h"
#include "formats/json_options.h"
#include "formats/json_sealed.h"
#include "system/scratch.h"

#include <unistd.h>

#define OK(expression) assert_int_equal((expression), SIGMOE_OK)
#define FAILS(expression) assert_int_equal((expression), SIGMOE_BAD_FORMAT)

static void says(const char *text) {
    if (!strstr(sigmoe_message(), text)) print_error("\"%s\" is not in: %s\n", text, sigmoe_message());
    assert_non_null(strstr(sigmoe_message(), text));
}

static void make_model(const char *name) {
    OK(directory_make(at(name)));
    char path[PATH_CAPACITY];
    OK(path_format(path, "%s/config.json", at(name)));
    put_text(path, "{}");
    OK(path_format(path, "%s/model.safetensors", at(name)));
    put_text(path, "weights");
    OK(path_format(path, "%s/.lock", at(name)));
    put_text(path, "");
    OK(path_format(path, "%s/folder", at(name)));
    OK(directory_make(path));
    OK(manifest_write(at(name)));
}

static void files_are_compared(void **state) {
    (void)state;
    manifest m;
    make_model("model");
    OK(manifest_open(at("model"), &m));
    OK(manifest_check(&m, "config.json"));
    OK(manifest_check_all(&m));
    assert_true(manifest_names(&m, "model.safetensors"));
    assert_false(
        manifest_names(&m, ".lock") || manifest_names(&m, "folder") || manifest_names(&m, MANIFEST_NAME));
    FAILS(manifest_check(&m, "tokenizer.model"));
    says("does not name tokenizer.model");
    put_text(at("model/model.safetensors"), "Weights");
    FAILS(manifest_check(&m, "model.safetensors"));
    says("model/model.safetensors is not as it was written");
    FAILS(manifest_check_all(&m));
    put_text(at("model/model.safetensors"), "weights and more");
    FAILS(manifest_check(&m, "model.safetensors"));
    assert_int_equal(unlink(at("model/model.safetensors")), 0);
    assert_int_equal(manifest_check(&m, "model.safetensors"), SIGMOE_IO);
    manifest_close(&m);
    // Without a manifest, whatever is there holds.
    assert_int_equal(unlink(at("model/manifest.json")), 0);
    OK(manifest_check_file(at("model"), "model.safetensors"));
}

static void every_byte_of_a_manifest_counts(void **state) {
    (void)state;
    manifest m;
    size_t size;
    make_model("flipped");
    unsigned char *bytes = get_file(at("flipped/manifest.json"), &size);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (unsigned char)(1 << bit);
            put_file(at("flipped/manifest.json"), bytes, size);
            if (manifest_open(at("flipped"), &m) == SIGMOE_OK) print_error("byte %zu, bit %d\n", i, bit);
            FAILS(manifest_open(at("flipped"), &m));
            says("flipped/manifest.json");
            bytes[i] ^= (unsigned char)(1 << bit);
        }
    for (size_t i = 0; i < size; i++) { // cut short
        put_file(at("flipped/manifest.json"), bytes, i);
        FAILS(manifest_open(at("flipped"), &m));
    }
    free(bytes);
}

// `text` is sealed as it should be, but not what the program writes.
static sigmoe_status open_hostile(const char *text) {
    manifest m;
    json_t *root;
    OK(json_parse_object("test", text, strlen(text), 1000, &root));
    OK(json_write_sealed(at("model/manifest.json"), root));
    json_decref(root);
    sigmoe_status status = manifest_open(at("model"), &m);
    if (status == SIGMOE_OK) status = manifest_check_all(&m);
    manifest_close(&m);
    return status;
}

static void hostile_manifests_lead_nowhere(void **state) {
    (void)state;
    FAILS(open_hostile("{\"version\": 2, \"files\": {}}"));
    says("this program reads 1");
    FAILS(open_hostile("{\"files\": {}}"));
    FAILS(open_hostile("{\"version\": 1, \"files\": []}"));
    FAILS(open_hostile("{\"version\": 1}"));
    static const char *const names[] = {"../secret", "/etc/passwd", ".sigmoe", "..", "", "folder/x"};
    char text[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text,
            "{\"version\": 1, \"files\": {\"%s\": {\"bytes\": 1, \"sha256\": \"%064d\"}}}", names[i], 0);
        FAILS(open_hostile(text));
        says("no file beside it");
    }
    FAILS(open_hostile(
        "{\"version\": 1, \"files\": {\"config.json\": {\"bytes\": \"2\", \"sha256\": \"00\"}}}"));
    FAILS(open_hostile("{\"version\": 1, \"files\": {\"config.json\": 7}}"));
    FAILS(open_hostile("{\"version\": 1, \"files\": {\"config.json\": {\"bytes\": 2, \"sha256\": \"00\"}}}"));
    OK(open_hostile("{\"version\": 1, \"files\": {}}"));
}

static void names_are_left_out(void **state) {
    (void)state;
    static const char *const names[] = {"model.safetensors", "never", NULL};
    manifest m;
    make_model("thin");
    OK(manifest_open(at("thin"), &m));
    OK(manifest_leave_out(&m, names));
    manifest_close(&m);
    OK(manifest_open(at("thin"), &m));
    assert_false(manifest_names(&m, "model.safetensors"));
    OK(manifest_check(&m, "config.json"));
    manifest_close(&m);
}

static void files_without_a_seal_are_read(void **state) {
    (void)state;
    json_t *root;
    put_text(at("old.json"), "{\"a\": 1}");
    OK(json_read_sealed(at("old.json"), "version", "do this", &root));
    json_decref(root);
    put_text(at("old.json"), "{\"version\": 1}");
    FAILS(json_read_sealed(at("old.json"), "version", "do this", &root));
    says("old.json was changed since it was written, as its own sum tells: do this");
    put_text(at("old.json"), "{");
    FAILS(json_read_sealed(at("old.json"), "version", "do this", &root));
    says("do this");
    put_text(at("old.json"), "{\"sha256\": []}");
    FAILS(json_read_sealed(at("old.json"), "version", "do this", &root));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_compared),
        cmocka_unit_test(every_byte_of_a_manifest_counts),
        cmocka_unit_test(hostile_manifests_lead_nowhere),
        cmocka_unit_test(names_are_left_out),
        cmocka_unit_test(files_without_a_seal_are_read),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
