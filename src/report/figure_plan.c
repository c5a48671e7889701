#include "report/figure_plan.h"

void plan_key(const comparison_result *c, bool variants, bool ngram, figure_plot *plot) {
    for (int i = 0; variants && i < c->plan->variant_count; i++)
        figure_key(&plot->frame, c->plan->variants[i].label);
    char name[32];
    snprintf(name, sizeof name, "order-%d n-gram", c->ngram.order);
    if (ngram) figure_key(&plot->frame, name);
}
