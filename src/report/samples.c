#include "report/samples.h"

#include "plot/page.h"

#include <inttypes.h>

// The seed whose run has a sample; -1: none.
static int seed_of_sample(const comparison_result *c, int variant) {
    for (int seed = 0; seed < c->plan->variants[variant].seeds; seed++)
        if (result_run(c, variant, seed)->sample) return seed;
    return -1;
}

static bool has_samples(const comparison_result *c) {
    for (int i = 0; i < c->plan->variant_count; i++)
        if (seed_of_sample(c, i) >= 0) return true;
    return false;
}

static void print_sample(FILE *out, const figure_source *s, int variant) {
    int seed = seed_of_sample(s->c, variant);
    if (seed < 0) return;
    const run_result *r = result_run(s->c, variant, seed);
    fprintf(
        out, "<dt><span class=\"swatch\" style=\"background:var(%s)\"></span>", s->styles[variant].property);
    html_text(out, s->names[variant]);
    fprintf(out, ", seed %" PRIu64 "</dt><dd><b>", plan_seed(s->c->plan, seed));
    html_text(out, r->sample_prompt);
    fputs("</b>", out);
    html_text(out, r->sample);
    fputs("</dd>\n", out);
}

void samples_print(FILE *out, const figure_source *s) {
    if (!has_samples(s->c)) return;
    fputs("<section class=\"samples\"><h2>Samples</h2>\n<p class=\"small\">How each row's model goes on from "
          "the text in bold, at temperature 0.8, with the same random numbers for all. A sample is an "
          "impression and no measurement.</p>\n<dl>\n",
        out);
    for (int i = 0; i < s->c->plan->variant_count; i++) print_sample(out, s, i);
    fputs("</dl></section>\n", out);
}
