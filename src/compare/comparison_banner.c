#include "compare/comparison_banner.h"

#include "base/grouped.h"
#include "compare/run.h"
#include "train/banner.h"
#include "train/learning_note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_TEXT = 56 }; // bytes for the names of rows: a sweep may have dozens

// "5: dense, topk, switch and 2 more"
static sigmoe_status tell_rows(const comparison_plan *p, const sigmoe_observer *observer) {
    const char *names = p->variants[0].label;
    char more[32] = "";
    int told = 1;
    for (; told < p->variant_count && strlen(names) < ROWS_TEXT; told++) {
        names = arena_text(p->arena, "%s, %s", names, p->variants[told].label);
        if (!names) return SIGMOE_NO_MEMORY;
    }
    if (told < p->variant_count) snprintf(more, sizeof more, " and %d more", p->variant_count - told);
    banner_line(observer, "rows", "%d: %s%s", p->variant_count, names, more);
    return SIGMOE_OK;
}

static sigmoe_status count_finished(const comparison_plan *p, int *count) {
    char run[PATH_CAPACITY];
    *count = 0;
    for (int i = 0; i < p->run_count; i++) {
        TRY(plan_run_path(p, p->runs[i].variant, p->runs[i].seed, run));
        *count += compare_run_finished(run, p->request->settings.steps);
    }
    return SIGMOE_OK;
}

static sigmoe_status tell_runs(const comparison_plan *p, const sigmoe_observer *observer) {
    const sigmoe_train_settings *s = &p->request->settings;
    char seeds[80], already[48] = "";
    int64_t all;
    int finished;
    TRY(count_finished(p, &finished));
    snprintf(seeds, sizeof seeds, "seed %" PRIu64, plan_seed(p, 0));
    if (p->seed_count > 1)
        snprintf(seeds, sizeof seeds, "seeds %" PRIu64 " to %" PRIu64, plan_seed(p, 0),
            plan_seed(p, p->seed_count - 1));
    if (finished > 0) snprintf(already, sizeof already, "; %d done already", finished);
    if (!size_product(&all, s->batch * p->base.model.unroll, s->steps) ||
        !size_product(&all, all, p->run_count))
        all = INT64_MAX;
    banner_line(
        observer, "runs", "%d, %s: %s tokens in all%s", p->run_count, seeds, grouped(all).text, already);
    return SIGMOE_OK;
}

sigmoe_status comparison_banner(const comparison_plan *p, int jobs, const sigmoe_observer *observer) {
    const sigmoe_compare_request *r = p->request;
    char name[PATH_CAPACITY], at_a_time[48] = "";
    snprintf(name, sizeof name, "%s%s", r->base_name ? r->base_name : "", r->base_name ? ", " : "");
    if (jobs > 1) snprintf(at_a_time, sizeof at_a_time, "%d runs at a time, ", jobs);
    banner_model(observer, "base", name, &p->base.model);
    banner_block(observer, &p->base.model);
    TRY(tell_rows(p, observer));
    banner_data(observer, &p->data, "train");
    banner_steps(observer, &r->settings, p->base.model.unroll, &p->data);
    TRY(tell_runs(p, observer));
    banner_compute(observer, at_a_time, r->settings.dtype);
    banner_output(observer, r->out, &r->settings, r->checkpoint_seconds);
    for (int i = 0; i < p->variant_count; i++)
        note_unlearned(&p->variants[i].config.model, p->variants[i].label, observer);
    return SIGMOE_OK;
}
