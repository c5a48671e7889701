#include "report/report.h"

#include "base/grouped.h"
#include "compare/conclusion.h"
#include "compare/power.h"
#include "compare/sweep_plan.h"
#include "data/ngram.h"
#include "plot/page.h"
#include "report/claims_output.h"
#include "report/figures.h"
#include "report/limits.h"
#include "report/page_table.h"
#include "report/provenance.h"
#include "report/run_list.h"
#include "report/samples.h"
#include "report/table.h"
#include "system/file.h"

#include <inttypes.h>
#include <math.h>

enum { RELOAD_SECONDS = 10 };

typedef struct page_contents {
    figure_source source;
    report_state state;
    figure figures[FIGURES];
} page_contents;

// ---------------------------------------------------------------- the answer

// The name of an option in backquotes, as the library's sentences have it: as one would type it.
static const char *print_option(FILE *out, const char *name) {
    fputs("<code>--", out);
    for (; *name && *name != '`'; name++) html_text(out, (const char[]){*name == '_' ? '-' : *name, '\0'});
    fputs("</code>", out);
    return *name ? name + 1 : name;
}

static void print_paragraph(FILE *out, const char *text, const char *classes) {
    if (!*text) return;
    fprintf(out, "<p class=\"first %s\">", classes);
    while (*text)
        if (*text == '`') {
            text = print_option(out, text + 1);
        } else {
            size_t length = strcspn(text, "`");
            html_text_part(out, text, length);
            text += length;
        }
    fputs("</p>\n", out);
}

static sigmoe_status print_state(FILE *out, const comparison_result *c, report_state state) {
    int left = result_runs_left(c), runs = c->plan->run_count;
    if (state == REPORT_DONE) return SIGMOE_OK;
    const char *text = arena_text(c->arena, "%d of %d run%s done. %s", runs - left, runs, plural(runs),
        state == REPORT_STOPPED
            ? "The others were stopped before their end; the same command with `resume` goes on."
        : left > 0 ? "The others are being trained; this page loads itself anew until they are."
                   : "More seeds follow, until the rows are decided; this page loads itself anew.");
    if (!text) return SIGMOE_NO_MEMORY;
    print_paragraph(out, text, "state");
    return SIGMOE_OK;
}

static sigmoe_status print_answer(FILE *out, const comparison_result *c, const variant_summary *summaries) {
    judgement j;
    const char *conclusion, *power;
    TRY(judge(c, summaries, test_scores, &j));
    TRY(conclusion_of(c, summaries, &j, &conclusion));
    TRY(power_text(c, &j, &power));
    print_paragraph(out, conclusion, "answer");
    print_paragraph(out, power, "power");
    return SIGMOE_OK;
}

static void print_question(FILE *out, const comparison_result *c) {
    const char *base = c->plan->request->base_name, *size = grouped_text(c->arena, c->plan->base_parameters);
    char name[DATASET_NAME];
    fprintf(out,
        "<p class=\"first small\">%d %s of the Transformer's feedforward block, each in a language model of "
        "as many parameters as the base ",
        c->plan->variant_count, c->plan->variant_count == 1 ? "variant" : "variants");
    html_text(out, base ? base : "configuration");
    fprintf(out, " (%s), trained from %s%d %s on the same batches of ", size ? size : "",
        plan_is_uneven(c->plan) ? "up to " : "", c->plan->seed_count,
        c->plan->seed_count == 1 ? "seed" : "seeds");
    dataset_name(&c->plan->data, name);
    html_text(out, name);
    fputs(".", out);
    if (c->plan->sweep) {
        fputs(" The rows are those of ", out);
        html_text(out, c->plan->sweep->name);
        fputs(".", out);
    }
    fputs("</p>\n", out);
}

// ---------------------------------------------------------------- score against cost

static bool is_drawn(const page_contents *p, int which) {
    return p->figures[which].svg != NULL;
}

static void print_costs(FILE *out, const page_contents *p) {
    const comparison_plan *plan = p->source.c->plan;
    bool many = rows_are_many(p->source.c);
    if (!is_drawn(p, FIGURE_DOTS)) return;
    fputs("<section class=\"cost\"><h2>Score against cost</h2>\n", out);
    if (plan->variant_count > 1) page_legend(out, p->source.names, p->source.styles, plan->variant_count);
    fprintf(out, "<div class=\"figures %s\">\n", many ? "beside" : "thirds");
    if (many) {
        fputs("<div class=\"tall\">", out);
        page_figure(out, &p->figures[FIGURE_DOTS]);
        fputs("</div>\n", out);
    }
    for (int i = FIGURE_FLOPS; i <= FIGURE_MEMORY; i++)
        if (is_drawn(p, i)) page_figure(out, &p->figures[i]);
    fprintf(out,
        "</div>\n<p class=\"small\">Lower and further left is better. No row lies below the dotted line, the "
        "Pareto front of the means.%s%s%s Peak activations come on top of parameters, gradients and Adam's "
        "moments, which are equal for all.</p></section>\n",
        plan->seed_count > 1 ? " Vertical bars: ± the sample standard deviation over seeds." : "",
        is_drawn(p, FIGURE_TIME)
            ? " Horizontal bars: the middle half of the steps' times, forward and backward."
            : "",
        many ? " Names and bars stand at the front alone; the pointer shows the others." : "");
}

static void print_training(FILE *out, const page_contents *p) {
    bool dots = !rows_are_many(p->source.c) && is_drawn(p, FIGURE_DOTS);
    if (!dots && !is_drawn(p, FIGURE_STEPS) && !is_drawn(p, FIGURE_LOSS)) return;
    fputs("<section><h2>Seeds and training</h2>\n<div class=\"figures\">\n", out);
    if (dots) page_figure(out, &p->figures[FIGURE_DOTS]);
    for (int i = FIGURE_STEPS; i <= FIGURE_LOSS; i++)
        if (is_drawn(p, i)) page_figure(out, &p->figures[i]);
    fputs("</div></section>\n", out);
}

// ---------------------------------------------------------------- the table

static void print_failures(FILE *out, const comparison_result *c) {
    for (int i = 0; i < c->plan->variant_count; i++)
        for (int s = 0; s < c->plan->variants[i].seeds; s++) {
            const char *failure = result_run(c, i, s)->failure;
            if (!failure) continue;
            fputs("<p class=\"small\">", out);
            html_text(out, c->plan->variants[i].label);
            fprintf(out, ", seed %" PRIu64 ": no score; ", plan_seed(c->plan, s));
            html_text(out, failure);
            fputs("</p>\n", out);
        }
}

static bool any_published(const comparison_plan *p) {
    for (int i = 0; i < p->variant_count; i++)
        if (!isnan(p->variants[i].published)) return true;
    return false;
}

static sigmoe_status print_notes(FILE *out, const figure_source *s) {
    const comparison_result *c = s->c;
    bool seeds = c->plan->seed_count > 1;
    judgement j;
    TRY(judge(c, s->summaries, test_scores, &j));
    fprintf(out,
        "<p class=\"small\">Scores are %s, lower is better%s.%s FF multiply-adds: of the block, over those "
        "of a dense block with the base's number of channels, routers apart. FF time: measured, forward and "
        "backward. Speed is of training steps alone. Both are of the median step%s; the middle half of the "
        "steps lies between the numbers in brackets%s. Peak activations: the most memory that a step needs "
        "beside parameters, gradients and Adam's moments.",
        plan_unit(c->plan), seeds ? "; ± is the sample standard deviation over seeds" : "",
        j.best >= 0 ? " Rows that cannot be told apart from the best are bold." : "",
        seeds ? ", medians over seeds" : "", seeds ? ", from the lowest of the seeds to the highest" : "");
    if (any_published(c->plan))
        fputs(" Paper: the published score of this row (arXiv 2310.10837), from a longer training, on other "
              "data where this one differs.",
            out);
    if (c->ngram.known)
        fprintf(out,
            " The %s (Witten-Bell) counts the %s tokens that a run reads, has the order up to %d with the "
            "best validation score, and is scored on the same tokens as the models.",
            s->ngram, grouped(c->ngram.counted).text, NGRAM_MOST_ORDER);
    fputs("</p>\n", out);
    return SIGMOE_OK;
}

static sigmoe_status print_results(FILE *out, const figure_source *s) {
    fputs("<section class=\"table\"><h2>Results</h2>\n", out);
    TRY(page_table_print(out, s));
    TRY(print_notes(out, s));
    print_failures(out, s->c);
    fputs("</section>\n", out);
    return SIGMOE_OK;
}

static sigmoe_status print_claims(FILE *out, const comparison_result *c) {
    claim_results claims;
    if (!c->plan->sweep) return SIGMOE_OK;
    TRY(claims_of(c, &claims));
    claims_print_html(out, c, &claims);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- the page

static sigmoe_status print_page(FILE *out, const void *context) {
    const page_contents *p = context;
    const comparison_result *c = p->source.c;
    page_open(out, &(page_head){.title = "Feedforward blocks at equal parameters",
                       .reload_seconds = p->state == REPORT_GROWING ? RELOAD_SECONDS : 0,
                       .rows = p->source.styles,
                       .row_count = c->plan->variant_count});
    TRY(print_state(out, c, p->state));
    TRY(print_answer(out, c, p->source.summaries));
    print_question(out, c);
    if (c->plan->request->figures) print_costs(out, p);
    TRY(print_results(out, &p->source));
    if (c->plan->request->figures) print_training(out, p);
    TRY(print_claims(out, c));
    samples_print(out, &p->source);
    TRY(run_list_print(out, c));
    limits_print(out, c);
    TRY(provenance_print(out, c));
    citation_print(out);
    page_close(out);
    return SIGMOE_OK;
}

sigmoe_status report_write(const comparison_result *c, const variant_summary *summaries, report_state state) {
    char path[PATH_CAPACITY];
    page_contents p = {.state = state};
    TRY(figure_source_make(c, summaries, state == REPORT_DONE, &p.source));
    if (c->plan->request->figures) TRY(figures_draw(&p.source, p.figures));
    TRY(path_format(path, "%s/report.html", c->plan->request->out));
    return file_print(path, print_page, &p);
}
