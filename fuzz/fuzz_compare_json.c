// compare.json of a comparison that is to go on.
#include "fuzz.h"

#include "compare/record.h"
#include "config/config_file.h"
#include "config/train_settings.h"
#include "formats/json_options.h"

#include <sys/stat.h>

static char out[FUZZ_PATH];

// A request that was completed has all that a comparison needs.
static void check(const sigmoe_compare_request *r) {
    if (!r->data || !r->base || !r->base_name || r->seeds < 1) abort();
    if (model_config_check(&r->base->model) != SIGMOE_OK) abort();
    for (int i = 0; i < r->variant_count; i++)
        if (!r->variants[i]) abort();
}

static void complete(arena *a) {
    static const char *const given[] = {"steps"};
    const sigmoe_compare_request asked = {
        .out = out, .resume = true, .settings = train_settings_default(), .given = given, .given_count = 1};
    sigmoe_compare_request completed;
    if (record_complete(&asked, a, &completed) == SIGMOE_OK) check(&completed);
}

// What was begun with a record can go on with the same one.
static void compare_with_itself(const char *path) {
    json_t *record;
    if (json_read_object(path, &record) != SIGMOE_OK) return;
    sigmoe_status status = plan_check_same(out, record, record);
    if (status != SIGMOE_OK && status != SIGMOE_NO_MEMORY) abort();
    json_decref(record);
}

static void read_record(void) {
    char path[FUZZ_PATH];
    const char *const *variants;
    int count;
    arena *a;
    if (arena_create("fuzz", &a) != SIGMOE_OK) return;
    complete(a);
    if (record_variants_read(out, a, &variants, &count) == SIGMOE_OK)
        for (int i = 0; i < count; i++)
            if (!variants[i]) abort();
    arena_destroy(a);
    compare_with_itself(input_path(path, "out/compare.json"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (!*out && mkdir(input_path(out, "out"), 0777) != 0) abort();
    input_write("out/compare.json", bytes, size);
    read_record();
    fail_an_allocation(bytes, size);
    read_record();
    fail_no_allocation();
    return 0;
}
