// sigmoe_sweep: the paper's tables, at the size that a machine can carry.
#include "train/compare.h"
#include "train/evaluate.h"
#include "train/sweep_jobs.h"
#include "train/train_settings.h"

static sigmoe_status fill_defaults(const char *table, arena *a, sigmoe_sweep_request *request) {
    sweep_plan plan;
    TRY(sweep_plan_make(table, NULL, 0, a, &plan));
    *request = (sigmoe_sweep_request){.table = table,
        .seeds = plan.seeds,
        .settings = plan.base.settings,
        .test_tokens = plan.test_tokens,
        .jobs = 1,
        .checkpoint_seconds = CHECKPOINT_SECONDS};
    return SIGMOE_OK;
}

sigmoe_status sigmoe_sweep_defaults(const char *table, sigmoe_sweep_request *request) {
    arena *a;
    TRY(arena_create("sweep", &a));
    sigmoe_status status = fill_defaults(table, a, request);
    arena_destroy(a);
    return status;
}

// A tenth of the tokens trained on, so that scoring never takes longer than training, but a segment of every stream.
static int64_t enough_test_tokens(const sigmoe_train_settings *settings, int64_t unroll) {
    enum { PART = 10 };
    int64_t least = SCORE_STREAMS * unroll, step, all;
    if (!size_product(&step, settings->batch, unroll) || !size_product(&all, step, settings->steps)) return 0;
    return all / PART > least ? all / PART : least;
}

// Validations on the way that were not asked for: all twenty together on as many tokens as the final score of a split.
static int64_t enough_valid_tokens(int64_t test_tokens, int64_t unroll) {
    enum { PART = 20 };
    int64_t least = SCORE_STREAMS * unroll, part = (test_tokens + PART - 1) / PART;
    return test_tokens > 0 && part < least ? least : part;
}

static sigmoe_status sweep(
    const sigmoe_sweep_request *r, const sigmoe_observer *observer, arena *a, const char **table) {
    sweep_plan plan;
    TRY(sweep_plan_make(r->table, r->overrides, r->override_count, a, &plan));
    sigmoe_compare_request request = {.data = r->data,
        .out = r->out,
        .base = &plan.base,
        .base_name = plan.base_name,
        .variants = plan.variants,
        .variant_count = plan.count,
        .seeds = r->seeds,
        .settings = r->settings,
        .test_tokens = r->test_tokens,
        .resume = r->resume,
        .force = r->force,
        .checkpoint_seconds = r->checkpoint_seconds};
    if (r->test_tokens == -1) request.test_tokens = enough_test_tokens(&r->settings, plan.base.model.unroll);
    if ((r->settings.valid_every == 0 || r->settings.valid_every == -1) && r->settings.valid_tokens == 0)
        request.settings.valid_tokens = enough_valid_tokens(request.test_tokens, plan.base.model.unroll);
    return comparison_carry_out(&request, &plan, r->jobs, observer, table);
}

sigmoe_status sigmoe_sweep(
    const sigmoe_sweep_request *request, const sigmoe_observer *observer, const char **table) {
    arena *a;
    if (!request->table || !request->data || !request->out)
        return fail(SIGMOE_BAD_ARGUMENT, "a sweep needs a table, data and a place for its results");
    if (request->jobs < 1 || request->jobs > MOST_JOBS)
        return fail(SIGMOE_BAD_ARGUMENT, "jobs is %d; it must be 1..%d", request->jobs, MOST_JOBS);
    TRY(arena_create("sweep", &a));
    sigmoe_status status = sweep(request, observer, a, table);
    arena_destroy(a);
    return status;
}
