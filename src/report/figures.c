#include "report/figures.h"

#include "report/curves_figure.h"
#include "report/scatter.h"

typedef struct report_plot {
    const comparison_result *c;
    const variant_summary *summaries;
    const figure_plot *plot;
} report_plot;

static void print_data(FILE *out, const void *context) {
    const report_plot *r = context;
    r->plot->print_data(out, r->c, r->summaries);
}

static void print_plot(FILE *out, const void *context) {
    const report_plot *r = context;
    r->plot->print_plot(out, r->c, r->summaries, r->plot);
}

sigmoe_status figures_draw(
    const comparison_result *c, const variant_summary *summaries, figure figures[FIGURES]) {
    static plan_figure *const plans[FIGURES] = {
        plan_score_by_steps, plan_score_by_seconds, plan_score_by_flops, plan_training_loss};
    for (int i = 0; i < FIGURES; i++) figures[i] = (figure){0};
    for (int i = 0; i < FIGURES; i++) {
        figure_plot plot = {0};
        report_plot r = {c, summaries, &plot};
        TRY(plans[i](c, summaries, &figures[i], &plot));
        if (plot.print_plot)
            TRY(figure_draw(
                c->arena, c->plan->request->out, &plot.frame, print_data, print_plot, &r, &figures[i]));
    }
    return SIGMOE_OK;
}
