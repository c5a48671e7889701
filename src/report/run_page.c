#include "report/run_page.h"

#include "compare/summary.h"
#include "config/config_file.h"
#include "config/train_settings.h"
#include "formats/json_options.h"
#include "plot/page.h"
#include "report/configuration.h"
#include "report/run_figures.h"
#include "report/table.h"
#include "system/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

typedef struct page_contents {
    figure_source source;
    planned_run run;
    figure figures[RUN_FIGURES];
} page_contents;

static void print_entry(FILE *out, const char *term, const char *text) {
    fprintf(out, "<dt>%s</dt><dd>", term);
    html_text(out, text ? text : "-");
    fputs("</dd>\n", out);
}

static void print_result(FILE *out, const page_contents *p) {
    const comparison_result *c = p->source.c;
    const run_result *r = result_run(c, p->run.variant, p->run.seed);
    arena *a = c->arena;
    int decimals = c->plan->bits ? 4 : 3;
    fputs("<section><h2>Result</h2>\n<dl>\n", out);
    if (r->failure) print_entry(out, "no score", r->failure);
    if (!r->failure) {
        print_entry(out, "test",
            arena_text(a, "%.*f %s", decimals, plan_score(c->plan, &r->test), plan_unit(c->plan)));
        print_entry(out, "valid",
            arena_text(a, "%.*f %s", decimals, plan_score(c->plan, &r->valid), plan_unit(c->plan)));
        print_entry(out, "test, nats/token", arena_text(a, "%.5f", r->test.nats_per_token));
    }
    print_entry(out, "trained",
        arena_text(a, "%" PRId64 " step%s in %.1f s", r->steps, plural(r->steps), r->seconds));
    if (isfinite(r->tokens_per_second.median))
        print_entry(out, "tokens/s",
            arena_text(a, "%s (middle half of the steps: %s to %s)",
                grouped_text(a, llround(r->tokens_per_second.median)),
                grouped_text(a, llround(r->tokens_per_second.low)),
                grouped_text(a, llround(r->tokens_per_second.high))));
    if (isfinite(r->feedforward_seconds.median))
        print_entry(out, "FF time of a step", arena_text(a, "%.3f ms", 1e3 * r->feedforward_seconds.median));
    if (isfinite(r->peak_activation_bytes))
        print_entry(out, "peak activations", arena_text(a, "%.1f MB", 1e-6 * r->peak_activation_bytes));
    fputs("</dl></section>\n", out);
}

static void print_figures(FILE *out, const page_contents *p) {
    fputs("<section><h2>Training</h2>\n<div class=\"figures\">\n", out);
    for (int i = 0; i < RUN_FIGURES; i++)
        if (p->figures[i].svg) page_figure(out, &p->figures[i]);
    fputs("</div></section>\n", out);
}

static sigmoe_status print_training(FILE *out, const sigmoe_train_settings *settings) {
    json_t *root = json_object();
    sigmoe_status status = json_write_options(root, train_settings_options(), settings);
    char *text = status == SIGMOE_OK ? json_text(root) : NULL;
    json_decref(root);
    TRY(status);
    if (!text) return fail(SIGMOE_NO_MEMORY, "no memory for a run's settings");
    fputs("<pre>", out);
    html_text(out, text);
    fputs("</pre>\n", out);
    free(text);
    return SIGMOE_OK;
}

static sigmoe_status print_settings(FILE *out, const page_contents *p) {
    const comparison_plan *plan = p->source.c->plan;
    sigmoe_train_settings settings = plan->request->settings;
    settings.seed = plan_seed(plan, p->run.seed);
    settings.lr = plan->variants[p->run.variant].lr;
    fputs("<section><h2>Settings</h2>\n<div class=\"figures\">\n<div><h3>Training</h3>\n", out);
    TRY(print_training(out, &settings));
    fputs("</div>\n<div><h3>Model</h3>\n", out);
    TRY(configuration_print(out, &plan->variants[p->run.variant].config));
    fputs("</div></div></section>\n", out);
    return SIGMOE_OK;
}

static sigmoe_status print_page(FILE *out, const void *context) {
    const page_contents *p = context;
    const comparison_plan *plan = p->source.c->plan;
    const compared_variant *v = &plan->variants[p->run.variant];
    const char *title = arena_text(plan->arena, "%s, seed %" PRIu64, v->label, plan_seed(plan, p->run.seed));
    if (!title) return SIGMOE_NO_MEMORY;
    page_open(out, &(page_head){.title = title, .rows = p->source.styles, .row_count = plan->variant_count});
    fputs("<p class=\"small\">", out);
    html_text(out, v->paper->summary);
    fputs(". One run of a <a href=\"../../report.html\">comparison</a>.</p>\n", out);
    print_result(out, p);
    if (plan->request->figures) print_figures(out, p);
    TRY(print_settings(out, p));
    page_close(out);
    return SIGMOE_OK;
}

static sigmoe_status write_page(const comparison_result *c, planned_run run, const char *directory) {
    char path[PATH_CAPACITY];
    page_contents *p;
    TRY(ARENA_NEW(c->arena, p, 1));
    p->run = run;
    TRY(figure_source_make(c, NULL, false, &p->source));
    if (c->plan->request->figures) TRY(run_figures_draw(&p->source, run, directory, p->figures));
    TRY(path_format(path, "%s/" RUN_PAGE_NAME, directory));
    return file_print(path, print_page, p);
}

sigmoe_status run_page_write(const comparison_result *c, int run) {
    char directory[PATH_CAPACITY];
    arena_mark mark = arena_here(c->arena);
    TRY(plan_run_path(c->plan, c->plan->runs[run].variant, c->plan->runs[run].seed, directory));
    sigmoe_status status = write_page(c, c->plan->runs[run], directory);
    arena_release(c->arena, mark);
    return status;
}

sigmoe_status run_pages_complete(const comparison_result *c) {
    char directory[PATH_CAPACITY], page[PATH_CAPACITY];
    for (int i = 0; i < c->plan->run_count; i++) {
        planned_run run = c->plan->runs[i];
        TRY(plan_run_path(c->plan, run.variant, run.seed, directory));
        TRY(path_format(page, "%s/" RUN_PAGE_NAME, directory));
        if (!result_run(c, run.variant, run.seed)->pending && !path_exists(page)) TRY(run_page_write(c, i));
    }
    return SIGMOE_OK;
}
