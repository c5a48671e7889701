// result.json and costs.json of a run of a comparison.
#include "fuzz.h"

#include "compare/run_result.h"

static char again[FUZZ_PATH];

static bool same(double a, double b) {
    return a == b || (a != a && b != b);
}

// A result that was read can be written, and is then read as the same.
static void check_result(const run_result *r, arena *a) {
    run_result back = run_result_unknown;
    sigmoe_status status = run_result_write(again, r);
    if (status == SIGMOE_OK) status = run_result_read(again, a, &back);
    if (status == SIGMOE_NO_MEMORY) return;
    if (status != SIGMOE_OK || back.steps != r->steps || back.pending != r->pending) abort();
    if (!same(back.valid.nats_per_token, r->valid.nats_per_token) || !same(back.seconds, r->seconds)) abort();
    if (!r->failure != !back.failure || (r->failure && strcmp(r->failure, back.failure) != 0)) abort();
}

static void read_result(const char *path) {
    arena *a;
    run_result r = run_result_unknown;
    if (arena_create("fuzz", &a) != SIGMOE_OK) return;
    if (run_result_read(path, a, &r) == SIGMOE_OK) check_result(&r, a);
    arena_destroy(a);
}

static void read_costs(const char *path) {
    trainer_costs costs, back;
    if (run_costs_read(path, &costs) != SIGMOE_OK) return;
    sigmoe_status status = run_costs_write(again, &costs);
    if (status == SIGMOE_OK) status = run_costs_read(again, &back);
    if (status == SIGMOE_NO_MEMORY) return;
    if (status != SIGMOE_OK || back.steps != costs.steps || !same(back.seconds, costs.seconds)) abort();
}

static void read_both(const char *path) {
    read_result(path);
    read_costs(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (!*again) input_path(again, "again.json");
    read_twice(read_both, bytes, size);
    return 0;
}
