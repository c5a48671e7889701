#include "report/figure_source.h"

#include <math.h>

bool rows_are_many(const comparison_result *c) {
    return c->plan->variant_count > FIGURE_MANY;
}

chart_point point_with_spread(double x, spread y) {
    chart_point p = chart_point_at(x, y.mean);
    p.y_low = y.mean - y.deviation;
    p.y_high = y.mean + y.deviation;
    return p;
}

static const char *ngram_name(const comparison_result *c) {
    return arena_text(c->arena, "order-%d n-gram", c->ngram.order);
}

sigmoe_status figure_source_make(
    const comparison_result *c, const variant_summary *summaries, bool files, figure_source *out) {
    const char **variants;
    *out = (figure_source){.c = c, .summaries = summaries, .files = files};
    TRY(ARENA_NEW(c->arena, variants, c->plan->variant_count));
    TRY(ARENA_NEW(c->arena, out->names, c->plan->variant_count));
    TRY(ARENA_NEW(c->arena, out->styles, c->plan->variant_count));
    for (int i = 0; i < c->plan->variant_count; i++) {
        variants[i] = c->plan->variants[i].paper->name;
        out->names[i] = c->plan->variants[i].label;
    }
    row_styles_fill(variants, c->plan->variant_count, out->styles);
    out->ngram = ngram_name(c);
    return out->ngram ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}

sigmoe_status baseline_of_ngram(const figure_source *s, const sigmoe_scores *scores, chart *c) {
    if (!s->c->ngram.known) return SIGMOE_OK;
    c->baseline = plan_score(s->c->plan, scores);
    c->baseline_name = arena_text(s->c->arena, "%s %.*f", s->ngram, plan_decimals(s->c->plan), c->baseline);
    return c->baseline_name ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}
