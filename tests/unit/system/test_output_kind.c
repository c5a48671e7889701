// Which directories an output may take the place of.
#include "system/output_kind.h"
#include "system/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

static void make_file(const char *directory, const char *name, const char *text) {
    char path[PATH_CAPACITY], parent[PATH_CAPACITY];
    assert_int_equal(path_format(path, "%s/%s", directory, name), SIGMOE_OK);
    assert_int_equal(path_parent(path, parent), SIGMOE_OK);
    assert_int_equal(directory_make(parent), SIGMOE_OK);
    put_text(path, text);
}

static void assert_refused(const char *path, bool force, const char *part) {
    assert_int_equal(output_check(path, force), SIGMOE_BAD_ARGUMENT);
    assert_message_has(part);
}

static void names(void **state) {
    (void)state;
    assert_int_equal(output_check(at("free"), false), SIGMOE_OK);
    assert_refused("", true, "empty");
    put_text(at("file"), "thesis");
    assert_refused(at("file"), true, "no directory");
    assert_refused(at("file"), false, "exists already");
    assert_file_text(at("file"), "thesis");
}

// Nobody means to lose the directory they are in.
static void where_one_is(void **state) {
    (void)state;
    char here[PATH_CAPACITY];
    make_file(at("out"), "train.json", "{\"data\": \"d\", \"settings\": {}}");
    make_file(at("out"), "checkpoints/00000001/config.json", "{}");
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(at("out/checkpoints")), 0);
    sigmoe_status inside = output_check(at("out"), true), up = output_check("..", true);
    assert_int_equal(chdir(at("out")), 0);
    sigmoe_status dot = output_check(".", true), root = output_check("/", true);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(inside, SIGMOE_BAD_ARGUMENT);
    assert_int_equal(up, SIGMOE_BAD_ARGUMENT);
    assert_int_equal(dot, SIGMOE_BAD_ARGUMENT);
    assert_int_equal(root, SIGMOE_BAD_ARGUMENT);
    assert_int_equal(output_check(at("out"), true), SIGMOE_OK);
}

static void empty_directories(void **state) {
    (void)state;
    const char *volume = at("volume");
    assert_int_equal(directory_make(at("volume/lost+found")), SIGMOE_OK);
    assert_int_equal(output_check(volume, false), SIGMOE_OK);
    put_text(at("volume/.lock"), ""); // begun by 0.1.0
    assert_int_equal(output_check(volume, false), SIGMOE_OK);
    assert_int_equal(output_mark(volume, OUTPUT_RUN), SIGMOE_OK);
    assert_int_equal(output_check(volume, false), SIGMOE_OK);
    put_text(at("volume/.hidden"), "");
    assert_refused(volume, false, "exists already");
    assert_refused(volume, true, ".hidden");
}

static void somebody_elses(void **state) {
    (void)state;
    make_file(at("project"), "thesis.tex", "thesis");
    assert_refused(at("project"), false, "exists already");
    assert_refused(at("project"), true, "no directory that sigmoe made");
    // Files of such names that say something else, links to right ones, and a mark that is none.
    make_file(at("project"), "train.json", "{\"data\": \"d\"}");
    make_file(at("project"), "config.json", "{\"model_type\": \"bert\", \"vocab_size\": 3}");
    make_file(at("project"), "layers.csv", "name,layer\n");
    make_file(at("project"), MARK_NAME, "mine");
    make_file(at("real"), "meta.json", "{\"vocab_size\": 3, \"tokenizer\": {}}");
    assert_int_equal(symlink(at("real/meta.json"), at("project/meta.json")), 0);
    assert_int_equal(mkfifo(at("project/compare.json"), 0600), 0);
    assert_refused(at("project"), true, "no directory that sigmoe made");
    assert_file_text(at("project/thesis.tex"), "thesis");
}

typedef struct old_directory {
    const char *name, *evidence, *text, *others[4], *foreign;
} old_directory;

static const old_directory old_directories[] = {
    {"data", "meta.json", "{\"vocab_size\": 3, \"tokenizer\": {}}",
        {"train_000000.bin", "valid.bin", "tokenizer.model"}, "train.txt"},
    {"model", "config.json", "{\"model_type\": \"sigmoe\", \"vocab_size\": 3, \"ff\": {}}",
        {"model.safetensors", "model.safetensors.12-0.partial"}, "README.md"},
    {"run", "train.json", "{\"data\": \"d\", \"settings\": {}}",
        {"metrics.jsonl", "report.html", "checkpoints/00000100/config.json",
            "checkpoints/00000200.partial/trainer.json"},
        "checkpoints/00000100-best/config.json"},
    {"notes in a run", "train.json", "{\"data\": \"d\", \"settings\": {}}", {"valid.jsonl"},
        "checkpoints/00000100/notes.txt"},
    {"comparison", "compare.json", "{\"base\": {}, \"variants\": [], \"settings\": {}}",
        {"curves.svg", "runs/dense-seed1/train.json", "runs/dense-seed1/checkpoints/00000002/config.json",
            "table.txt"},
        "runs/dense-seed1/plot.py"},
    {"analysis", "layers.csv", "model,layer,tokens\n", {"report.html", "run-usage.svg"}, "talk/slides.tex"},
    {"figures", "figure9.csv", "d_model,experts,expert_size,k,tokens\n", {"figure9-time.png"}, "text.tex"},
};

// Directories of 0.1.0, which wrote no mark, and then with one; and what a user has put there is not the program's.
static void what_the_program_made(void **state) {
    (void)state;
    for (int i = 0; i < (int)(sizeof old_directories / sizeof *old_directories); i++) {
        const old_directory *old = &old_directories[i];
        const char *path = at(old->name);
        make_file(path, old->evidence, old->text);
        for (int k = 0; k < 4 && old->others[k]; k++) make_file(path, old->others[k], "");
        assert_refused(path, false, "`force`");
        if (output_check(path, true) != SIGMOE_OK) fail_msg("%s: %s", old->name, sigmoe_message());
        make_file(path, old->foreign, "mine");
        assert_refused(path, true, "is not sigmoe's");
    }
}

static void marked(void **state) {
    (void)state;
    const char *path = at("marked");
    make_file(path, "metrics.jsonl", "");
    assert_refused(path, true, "no directory that sigmoe made");
    assert_int_equal(output_mark(path, OUTPUT_RUN), SIGMOE_OK);
    assert_file_text(at("marked/" MARK_NAME), "sigmoe run\n");
    assert_int_equal(output_check(path, true), SIGMOE_OK);
    assert_int_equal(output_mark(path, OUTPUT_DATA), SIGMOE_OK); // whose metrics.jsonl it is not
    assert_refused(path, true, "metrics.jsonl in it is not sigmoe's");
    make_file(at("taken"), "x", "");
    assert_int_equal(symlink(at("taken/x"), at("taken/" MARK_NAME)), 0);
    assert_int_equal(output_mark(at("taken"), OUTPUT_RUN), SIGMOE_IO);
    assert_file_text(at("taken/x"), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(where_one_is),
        cmocka_unit_test(empty_directories),
        cmocka_unit_test(somebody_elses),
        cmocka_unit_test(what_the_program_made),
        cmocka_unit_test(marked),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
