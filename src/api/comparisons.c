// Chapter 8: comparisons and sweeps. What they do stands in api/comparing.h.
#include "api/comparing.h"
#include "api/request.h"
#include "base/cpu.h"
#include "compare/jobs.h"
#include "compare/plan.h"
#include "compare/record.h"
#include "compare/sweep_read.h"
#include "config/train_settings.h"
#include "paper/tables.h"

#include <stdlib.h>

// ---------------------------------------------------------------- variants and tables

bool sigmoe_variant_at(int index, sigmoe_variant *out) {
    if (index < 0 || index >= paper_variant_count()) return false;
    const paper_variant *variant = paper_variant_at(index);
    *out = (sigmoe_variant){.name = variant->name, .summary = variant->summary};
    return true;
}

bool sigmoe_sweep_table_at(int index, sigmoe_sweep_table *out) {
    const paper_table *table = paper_table_at(index);
    if (table) *out = (sigmoe_sweep_table){.name = table->name, .summary = table->summary};
    return table != NULL;
}

// ---------------------------------------------------------------- comparisons

static const double MARGIN = 0.005;
enum { MAX_SEEDS = 10 };

void sigmoe_compare_defaults_sized(const sigmoe_config *base, sigmoe_compare_request *request, size_t size) {
    enum { VALIDATIONS_WORTH = 4 }; // final scores use more tokens than intermediate validations
    sigmoe_compare_request own = {.base = base,
        .seeds = DEFAULT_SEEDS,
        .checkpoint_seconds = CHECKPOINT_SECONDS,
        .figures = true,
        .margin = MARGIN,
        .max_seeds = MAX_SEEDS,
        .sample_prompt = SIGMOE_SAMPLE_PROMPT};
    sigmoe_config_settings(base, &own.settings);
    own.test_tokens = VALIDATIONS_WORTH * own.settings.valid_tokens;
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_compare(
    const sigmoe_compare_request *request, const sigmoe_observer *observer, char **table) {
    *table = NULL;
    sigmoe_compare_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "compare"));
    TRY(cpu_init());
    TRY(observer_read(observer, &space, &observer));
    return comparison_run(&own, NULL, 1, observer, table);
}

sigmoe_status sigmoe_compare_plan(
    const sigmoe_compare_request *request, const sigmoe_observer *observer, char **text) {
    *text = NULL;
    sigmoe_compare_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "compare"));
    TRY(cpu_init());
    TRY(observer_read(observer, &space, &observer));
    return comparison_foresee(&own, observer, text);
}

// ---------------------------------------------------------------- sweeps

static sigmoe_status fill_defaults(const char *table, arena *a, sigmoe_sweep_request *request) {
    sweep_plan plan;
    TRY(sweep_plan_make(table, NULL, 0, a, &plan));
    *request = (sigmoe_sweep_request){.table = table,
        .seeds = plan.seeds,
        .settings = plan.base.settings,
        .test_tokens = plan.test_tokens,
        .jobs = 1,
        .checkpoint_seconds = CHECKPOINT_SECONDS,
        .figures = true,
        .margin = MARGIN,
        .sample_prompt = SIGMOE_SAMPLE_PROMPT};
    return SIGMOE_OK;
}

sigmoe_status sigmoe_sweep_defaults_sized(const char *table, sigmoe_sweep_request *request, size_t size) {
    arena *a;
    sigmoe_sweep_request own;
    TRY(arena_create("sweep", &a));
    sigmoe_status status = fill_defaults(table, a, &own);
    if (status == SIGMOE_OK) sized_fill(request, size, &own, sizeof own);
    arena_destroy(a);
    return status;
}

// A tenth of the tokens trained on, so that scoring never takes longer than training, but at least one segment per stream.
static int64_t enough_test_tokens(const sigmoe_train_settings *settings, int64_t unroll) {
    enum { PART = 10 };
    int64_t least = SCORE_STREAMS * unroll, step, all;
    if (!size_product(&step, settings->batch, unroll) || !size_product(&all, step, settings->steps)) return 0;
    return all / PART > least ? all / PART : least;
}

// Default validations during training: all twenty together use as many tokens as the final score of a split.
static int64_t enough_valid_tokens(int64_t test_tokens, int64_t unroll) {
    enum { PART = 20 };
    int64_t least = SCORE_STREAMS * unroll, part = (test_tokens + PART - 1) / PART;
    return test_tokens > 0 && part < least ? least : part;
}

static sigmoe_status sweep(
    const sigmoe_sweep_request *r, const sigmoe_observer *observer, arena *a, char **table) {
    sweep_plan plan;
    const char *const *recorded;
    int recorded_count = 0;
    TRY(sweep_plan_make(r->table, r->overrides, r->override_count, a, &plan));
    if (r->resume) TRY(record_variants_read(r->out, a, &recorded, &recorded_count));
    if (recorded_count > 0) TRY(sweep_plan_add(&plan, recorded, recorded_count, a));
    TRY(sweep_plan_add(&plan, r->variants, r->variant_count, a));
    sigmoe_compare_request request = {.data = r->data,
        .out = r->out,
        .base = &plan.base,
        .base_name = plan.base_name,
        .variants = plan.variants,
        .variant_count = plan.count,
        .seeds = r->seeds > 0 || recorded_count > 0 ? r->seeds : plan.seeds,
        .settings = r->settings,
        .test_tokens = r->test_tokens,
        .resume = r->resume,
        .force = r->force,
        .checkpoint_seconds = r->checkpoint_seconds,
        .command = r->command,
        .figures = r->figures,
        .margin = r->margin,
        .columns = r->columns,
        .sample_prompt = r->sample_prompt,
        .on_nonfinite = r->on_nonfinite,
        .verify = r->verify,
        .ranks_per_run = r->ranks_per_run};
    if (r->test_tokens == -1) request.test_tokens = enough_test_tokens(&r->settings, plan.base.model.unroll);
    if ((r->settings.valid_every == 0 || r->settings.valid_every == -1) && r->settings.valid_tokens == 0)
        request.settings.valid_tokens = enough_valid_tokens(request.test_tokens, plan.base.model.unroll);
    return comparison_run(&request, &plan, r->jobs, observer, table);
}

sigmoe_status sigmoe_sweep(
    const sigmoe_sweep_request *request, const sigmoe_observer *observer, char **table) {
    *table = NULL;
    arena *a;
    sigmoe_sweep_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "sweep"));
    TRY(cpu_init());
    TRY(observer_read(observer, &space, &observer));
    if (!own.table || !own.data || !own.out)
        return fail(SIGMOE_BAD_ARGUMENT, "a sweep needs a table, data and a place for its results");
    if (own.jobs < 1 || own.jobs > MOST_JOBS)
        return fail(SIGMOE_BAD_ARGUMENT, "jobs is %d; it must be 1..%d", own.jobs, MOST_JOBS);
    TRY(arena_create("sweep", &a));
    sigmoe_status status = sweep(&own, observer, a, table);
    arena_destroy(a);
    return status;
}
