#include "report/run_list.h"

#include "plot/page.h"
#include "report/run_page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void print_number(FILE *out, double value, int decimals) {
    if (isfinite(value))
        fprintf(out, "<td data-value=\"%.9g\">%.*f</td>", value, decimals, value);
    else
        fputs("<td data-value=\"\">-</td>", out);
}

// The part of the run's path below the report's directory, where its page is.
static sigmoe_status link_of(
    const comparison_plan *p, planned_run run, char path[PATH_CAPACITY], const char **link) {
    TRY(plan_run_path(p, run.variant, run.seed, path));
    *link = path + strlen(p->request->out) + 1;
    return SIGMOE_OK;
}

static sigmoe_status print_name(FILE *out, const comparison_plan *p, planned_run run) {
    char path[PATH_CAPACITY], page[PATH_CAPACITY];
    const char *link;
    TRY(link_of(p, run, path, &link));
    TRY(path_format(page, "%s/" RUN_PAGE_NAME, path));
    bool there = path_exists(page);
    fputs("<tr><th scope=\"row\">", out);
    if (there) {
        fputs("<a href=\"", out);
        html_text(out, link);
        fputs("/" RUN_PAGE_NAME "\">", out);
    }
    html_text(out, p->variants[run.variant].label);
    fputs(there ? "</a></th>" : "</th>", out);
    return SIGMOE_OK;
}

static sigmoe_status print_run(FILE *out, const comparison_result *c, planned_run run) {
    const comparison_plan *p = c->plan;
    const run_result *r = result_run(c, run.variant, run.seed);
    int decimals = p->bits ? 4 : 3;
    TRY(print_name(out, p, run));
    fprintf(out, "<td data-value=\"%d\">%" PRIu64 "</td>", run.seed, plan_seed(p, run.seed));
    print_number(out, plan_score(p, &r->test), decimals);
    print_number(out, plan_score(p, &r->valid), decimals);
    print_number(out, r->pending ? NAN : (double)r->steps, 0);
    print_number(out, r->pending ? NAN : r->seconds, 1);
    print_number(out, r->tokens_per_second.median, 0);
    fprintf(out, "<td class=\"words\">%s</td></tr>\n",
        r->pending   ? "not trained yet"
        : r->failure ? "failed"
                     : "trained");
    return SIGMOE_OK;
}

sigmoe_status run_list_print(FILE *out, const comparison_result *c) {
    const comparison_plan *p = c->plan;
    fprintf(out,
        "<section><h2>Runs</h2>\n<details%s><summary>%d run%s; the page of each has its curves, learning "
        "rate, gradients, speed and settings</summary>\n",
        p->run_count <= 30 ? " open" : "", p->run_count, plural(p->run_count));
    page_table_open(out, "Runs", true);
    fprintf(out,
        "<thead><tr><th scope=\"col\" class=\"words\">run</th><th scope=\"col\">seed</th><th "
        "scope=\"col\">test<br>%s</th><th scope=\"col\">valid<br>%s</th><th scope=\"col\">steps</th><th "
        "scope=\"col\">seconds</th><th scope=\"col\">tokens/s</th><th scope=\"col\" "
        "class=\"words\">state</th></tr></thead>\n<tbody>\n",
        plan_unit(p), plan_unit(p));
    for (int i = 0; i < p->run_count; i++) TRY(print_run(out, c, p->runs[i]));
    fputs("</tbody>\n", out);
    page_table_close(out);
    fputs("</details></section>\n", out);
    return SIGMOE_OK;
}
