#include "analyze/draw_training.h"

#include "analyze/drawing.h"

#include <inttypes.h>

static double active_channels(const usage_history *u, int64_t record, int64_t layer) {
    return u->active[record * u->layers + layer];
}

// ---------------------------------------------------------------- one line per layer

typedef double layer_value(const usage_history *u, int64_t record, int64_t layer);

static void print_lines(FILE *out, const usage_history *u, layer_value *value) {
    for (int64_t l = 0; l < u->layers; l++) {
        fprintf(out, "$l%" PRId64 " << END\n", l);
        for (int64_t i = 0; i < u->records; i++)
            fprintf(out, "%" PRId64 " %.9g\n", u->step[i], value(u, i, l));
        fputs("END\n", out);
    }
}

static void lines_plot(FILE *out, const void *context) {
    enum { MARKERS = 12 }; // on a line
    const usage_history *u = &((const subject *)context)->m->training;
    bool first = true;
    for (int l = 0; l < (int)u->layers; l++) {
        plot_separator(out, &first);
        fprintf(out,
            "$l%d with linespoints lc rgb '#%06x' lw 2 dt %d pt %d ps 0.7 pi %" PRId64 " title 'layer %d'", l,
            series_color(l), series_dash(l), series_marker(l), 1 + u->records / MARKERS, l);
    }
    fputc('\n', out);
}

static sigmoe_status print_table(FILE *out, const usage_history *u, const char *name, layer_value *value) {
    fprintf(out, "step,layer,%s\n", name);
    for (int64_t i = 0; i < u->records; i++)
        for (int64_t l = 0; l < u->layers; l++)
            fprintf(out, "%" PRId64 ",%" PRId64 ",%.10g\n", u->step[i], l, value(u, i, l));
    return SIGMOE_OK;
}

static figure_frame frame_steps(const usage_history *u, const char *y_label) {
    figure_frame frame = {.x_label = "training steps",
        .y_label = y_label,
        .x_low = (double)u->step[0],
        .x_high = (double)u->step[u->records - 1]};
    for (int64_t l = 0; l < u->layers; l++) figure_key(&frame, "layer 00");
    return frame;
}

static void active_data(FILE *out, const void *context) {
    print_lines(out, &((const subject *)context)->m->training, active_channels);
}

static sigmoe_status active_csv(FILE *out, const void *context) {
    return print_table(out, &((const subject *)context)->m->training, "active", active_channels);
}

sigmoe_status analysis_draw_active_in_training(analysis *a, const analyzed_model *m, const char *section) {
    const usage_history *u = &m->training;
    subject s = {.a = a, .m = m};
    value_range y = range_empty();
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-training-active", m->label),
            .title = arena_text(a->arena, "%s: channels above 0 over training", m->label),
            .caption = "Mean over the tokens of a training batch, with the training's dropout."},
        .frame = frame_steps(u, "active channels of a token"),
        .print_data = active_data,
        .print_plot = lines_plot,
        .print_csv = active_csv};
    range_add(&y, 0);
    for (int64_t i = 0; i < u->records; i++)
        for (int64_t l = 0; l < u->layers; l++) range_add(&y, active_channels(u, i, l));
    range_to_y(y, &p.frame);
    p.frame.y_low = 0;
    return analysis_add_figure(a, &s, &p);
}

static void effective_data(FILE *out, const void *context) {
    print_lines(out, &((const subject *)context)->m->training, usage_effective_percent);
}

static sigmoe_status effective_csv(FILE *out, const void *context) {
    return print_table(
        out, &((const subject *)context)->m->training, "effective_experts_percent", usage_effective_percent);
}

static sigmoe_status draw_effective(analysis *a, const analyzed_model *m, const char *section) {
    subject s = {.a = a, .m = m};
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-training", m->label),
            .title = arena_text(a->arena, "%s: experts in use over training", m->label),
            .caption = "2 to the entropy of the experts' shares of the selection weight in a training batch, "
                       "over N_E: 100 % is equal use."},
        .frame = frame_steps(&m->training, "effective experts, % of all"),
        .print_data = effective_data,
        .print_plot = lines_plot,
        .print_csv = effective_csv};
    p.frame.y_high = 105;
    return analysis_add_figure(a, &s, &p);
}

// ---------------------------------------------------------------- each expert's share, one map per layer

static void share_data(FILE *out, const void *context) {
    const subject *s = context;
    const usage_history *u = &s->m->training;
    fputs("$map << END\n", out);
    for (int64_t e = 0; e < u->experts; e++) {
        for (int64_t i = 0; i < u->records; i++) fprintf(out, "%.5g ", 100 * usage_shares(u, i, s->layer)[e]);
        fputc('\n', out);
    }
    fputs("END\n", out);
}

// Steps between two records, which are evenly spaced.
static double spacing(const usage_history *u) {
    return (double)(u->step[u->records - 1] - u->step[0]) / (double)(u->records - 1);
}

// Records between two tics: 1, 2, 4, 10, 20, 40, ...; with a record every 25 steps, a tic every 25, 50, 100, 250, 500, ...
// steps.
static int64_t record_tic_step(int64_t records) {
    int64_t decade = 1;
    for (;; decade *= 10)
        for (int64_t part = 1; part <= 4; part *= 2)
            if (records / (part * decade) <= 8) return part * decade;
}

static void share_plot(FILE *out, const void *context) {
    const subject *s = context;
    const usage_history *u = &s->m->training;
    plot_map_style(out, s->highest, "of the selection weight, %");
    fprintf(out, "set xtics %" PRId64 ",%.9g\nset ytics 0,%" PRId64 "\n", u->step[0],
        spacing(u) * (double)record_tic_step(u->records), map_tic_step(u->experts));
    fprintf(out, "plot $map matrix using (%" PRId64 " + $1 * %.9g):2:", u->step[0], spacing(u));
    if (u->experts > 1)
        fputs("3 with image notitle\n", out);
    else
        fprintf(out, "(%.9g):(0.5):3 with boxxyerror fs solid noborder lc palette notitle\n", spacing(u) / 2);
}

static sigmoe_status share_csv(FILE *out, const void *context) {
    const subject *s = context;
    const usage_history *u = &s->m->training;
    fputs("step,expert,share\n", out);
    for (int64_t i = 0; i < u->records; i++)
        for (int64_t e = 0; e < u->experts; e++)
            fprintf(out, "%" PRId64 ",%" PRId64 ",%.5g\n", u->step[i], e, usage_shares(u, i, s->layer)[e]);
    return SIGMOE_OK;
}

static sigmoe_status draw_shares(analysis *a, const analyzed_model *m, int64_t layer, const char *section) {
    const usage_history *u = &m->training;
    subject s = {.a = a, .m = m, .layer = layer, .columns = u->records};
    plan p = {.section = section,
        .f = {.name = arena_text(a->arena, "%s-training-layer-%02" PRId64, m->label, layer),
            .title = arena_text(a->arena,
                "%s, layer %" PRId64 ": selection weight of the experts over training, %%", m->label, layer),
            .caption = "Each column: the experts' shares of the selection weight in a training batch."},
        .frame = map_frame("training steps", "expert", u->records, u->experts),
        .print_data = share_data,
        .print_plot = share_plot,
        .print_csv = share_csv};
    p.frame.x_low = (double)u->step[0] - spacing(u) / 2;
    p.frame.x_high = (double)u->step[u->records - 1] + spacing(u) / 2;
    for (int64_t i = 0; i < u->records; i++)
        for (int64_t e = 0; e < u->experts; e++)
            s.highest = fmax(s.highest, 100 * usage_shares(u, i, layer)[e]);
    return analysis_add_figure(a, &s, &p);
}

sigmoe_status analysis_draw_experts_in_training(analysis *a, const analyzed_model *m, const char *section) {
    TRY(draw_effective(a, m, section));
    for (int64_t l = 0; l < m->training.layers; l++) TRY(draw_shares(a, m, l, section));
    return SIGMOE_OK;
}
