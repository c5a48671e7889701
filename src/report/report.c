#include "report/report.h"

#include "compare/conclusion.h"
#include "compare/power.h"
#include "compare/sweep_plan.h"
#include "data/ngram.h"
#include "plot/page.h"
#include "report/claims_output.h"
#include "report/figures.h"
#include "report/provenance.h"
#include "system/file.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// ---------------------------------------------------------------- title and summary

static void print_question(FILE *out, const comparison_result *c) {
    const char *base = c->plan->request->base_name, *size = grouped_text(c->arena, c->plan->base_parameters);
    fprintf(out,
        "<p>%d %s of the Transformer's feedforward block, each in a language model of as many parameters as "
        "the base ",
        c->plan->variant_count, c->plan->variant_count == 1 ? "variant" : "variants");
    html_text(out, base ? base : "configuration");
    fprintf(out, " (%s), trained from %s%d %s on the same batches of ", size ? size : "",
        plan_is_uneven(c->plan) ? "up to " : "", c->plan->seed_count,
        c->plan->seed_count == 1 ? "seed" : "seeds");
    html_text(out, c->plan->data.source[0] ? c->plan->data.source : c->plan->data.directory);
    fputs(".", out);
    if (c->plan->sweep) {
        fputs(" The rows are those of ", out);
        html_text(out, c->plan->sweep->name);
        fputs(".", out);
    }
    fputs("</p>\n", out);
}

static void print_paragraph(FILE *out, const char *text) {
    if (!*text) return;
    fputs("<p>", out);
    html_text(out, text);
    fputs("</p>\n", out);
}

static sigmoe_status print_answer(FILE *out, const comparison_result *c, const variant_summary *summaries) {
    judgement j;
    const char *conclusion, *power;
    TRY(judge(c, summaries, test_scores, &j));
    TRY(conclusion_of(c, summaries, &j, &conclusion));
    TRY(power_text(c, &j, &power));
    print_paragraph(out, conclusion);
    print_paragraph(out, power);
    return SIGMOE_OK;
}

// ---------------------------------------------------------------- table

static void print_headings(FILE *out, const table_cells *t) {
    fputs("<thead><tr>", out);
    for (int j = 0; j < TABLE_COLUMNS; j++) {
        fputs("<th scope=\"col\">", out);
        html_text(out, t->cell[0][j]);
        if (*t->cell[1][j]) fputs("<br>", out);
        html_text(out, t->cell[1][j]);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n", out);
}

// A part in parentheses goes on a line of its own.
static void print_cell(FILE *out, const char *text) {
    const char *bracket = strchr(text, '(');
    if (!bracket || bracket == text) {
        html_text(out, text);
        return;
    }
    for (const char *c = text; c < bracket - 1; c++) html_text(out, (const char[]){*c, '\0'});
    fputs("<br><span class=\"spread\">", out);
    html_text(out, bracket);
    fputs("</span>", out);
}

static void print_row(
    FILE *out, const char *const cells[TABLE_COLUMNS], const char *color, bool best_valid, bool best_test) {
    fputs("<tr><th scope=\"row\">", out);
    fprintf(out, "<span class=\"swatch\" style=\"background:var(%s)\"></span>", color);
    html_text(out, cells[COLUMN_VARIANT]);
    fputs("</th>", out);
    for (int j = COLUMN_VARIANT + 1; j < TABLE_COLUMNS; j++) {
        bool best = (j == COLUMN_VALID && best_valid) || (j == COLUMN_TEST && best_test);
        fputs(best ? "<td class=\"best\">" : "<td>", out);
        print_cell(out, cells[j]);
        fputs("</td>", out);
    }
    fputs("</tr>\n", out);
}

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

static void print_legend(FILE *out, const comparison_result *c, bool bold) {
    fprintf(out,
        "<p class=\"small\">Scores are %s, lower is better%s%s. "
        "FF FLOPs: multiply-adds of the block over those of a dense block with the base's number of "
        "channels, "
        "routers apart. FF time: measured, forward and backward, over dense's. Speed is of training steps "
        "alone. Both are of the median step%s, and the middle half of the steps lies between the numbers in "
        "brackets%s. The "
        "peak activations are the most memory that a step needs beside parameters, gradients and Adam's "
        "moments. Paper: the published score of this row (arXiv 2310.10837), from a longer training on other "
        "data where this one differs; - where it has none.",
        plan_unit(c->plan), c->plan->seed_count > 1 ? "; ± is the sample standard deviation over seeds" : "",
        bold ? "; the best and those that tie with it are bold" : "",
        c->plan->seed_count > 1 ? ", medians over seeds" : "",
        c->plan->seed_count > 1 ? ", from the lowest of the seeds to the highest" : "");
    if (c->ngram.known)
        fprintf(out,
            " The order-%d n-gram (Witten-Bell, at most 20 million tokens of the train split; the best by "
            "validation score of the orders up to %d) is scored on the same tokens.",
            c->ngram.order, NGRAM_MOST_ORDER);
    fputs("</p>\n", out);
}

static sigmoe_status print_results(FILE *out, const comparison_result *c, const variant_summary *summaries) {
    table_cells t;
    TRY(table_cells_make(c, summaries, &t));
    judgement valid, test;
    TRY(judge(c, summaries, valid_scores, &valid));
    TRY(judge(c, summaries, test_scores, &test));
    fputs("<section><h2>Results</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
          "aria-label=\"Results\">"
          "<table class=\"results\">",
        out);
    print_headings(out, &t);
    fputs("<tbody>\n", out);
    for (int i = 0; i < c->plan->variant_count; i++)
        print_row(out, t.cell[TABLE_HEADINGS + i], figure_colors[COLOR_SERIES + i % SERIES_COLORS].property,
            valid.leads[i], test.leads[i]);
    if (c->ngram.known)
        print_row(out, t.cell[t.lines - 1], figure_colors[COLOR_BASELINE].property, false, false);
    fputs("</tbody></table></div>\n", out);
    print_legend(out, c, valid.best >= 0 || test.best >= 0);
    print_failures(out, c);
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

// ---------------------------------------------------------------- figures

static void print_figures(FILE *out, const figure figures[FIGURES]) {
    fputs("<section><h2>Figures</h2>\n<div class=\"figures\">\n", out);
    for (int i = 0; i < FIGURES; i++) page_figure(out, &figures[i]);
    fputs("</div></section>\n", out);
}

typedef struct page_contents {
    const comparison_result *c;
    report_state state;
    const variant_summary *summaries; // [variants]
    figure figures[FIGURES];
} page_contents;

enum { RELOAD_SECONDS = 10 };

static sigmoe_status print_page(FILE *out, const void *context) {
    const page_contents *p = context;
    const comparison_result *c = p->c;
    page_open(out, "Feedforward blocks at equal parameters", p->state == REPORT_GROWING ? RELOAD_SECONDS : 0);
    print_question(out, c);
    TRY(print_answer(out, c, p->summaries));
    TRY(print_results(out, c, p->summaries));
    TRY(print_claims(out, c));
    if (p->c->plan->request->figures) print_figures(out, p->figures);
    TRY(provenance_print(out, c));
    page_close(out);
    return SIGMOE_OK;
}

sigmoe_status report_write(const comparison_result *c, const variant_summary *summaries, report_state state) {
    char path[PATH_CAPACITY];
    page_contents p = {.c = c, .summaries = summaries, .state = state};
    if (c->plan->request->figures) TRY(figures_draw(c, summaries, p.figures));
    TRY(path_format(path, "%s/report.html", c->plan->request->out));
    return file_print(path, print_page, &p);
}
