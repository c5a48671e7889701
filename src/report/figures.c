#include "report/figures.h"

#include "report/cost_figures.h"
#include "report/curve_figures.h"
#include "report/dot_plot.h"

#include <math.h>

sigmoe_status figures_draw(const figure_source *s, figure figures[FIGURES]) {
    static plan_chart *const plans[FIGURES] = {[FIGURE_DOTS] = plan_dot_plot,
        [FIGURE_FLOPS] = plan_score_by_flops,
        [FIGURE_TIME] = plan_score_by_time,
        [FIGURE_MEMORY] = plan_score_by_memory,
        [FIGURE_STEPS] = plan_score_by_steps,
        [FIGURE_SECONDS] = plan_score_by_seconds,
        [FIGURE_LOSS] = plan_training_loss};
    const comparison_plan *p = s->c->plan;
    for (int i = 0; i < FIGURES; i++) {
        chart c = {.rows = s->styles, .row_count = p->variant_count, .x_decimals = -1, .baseline = NAN};
        figures[i] = (figure){.page_only = !s->files};
        TRY(plans[i](s, &figures[i], &c));
        if (c.count > 0) TRY(chart_draw(s->c->arena, p->request->out, &c, &figures[i]));
    }
    return SIGMOE_OK;
}
