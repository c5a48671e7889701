#include "plan/cluster_plan.h"

#include "base/arena.h"
#include "base/printable.h"
#include "base/text_stream.h"
#include "distribute/communicator.h"
#include "plan/measure_rates.h"
#include "plan/scaling_figure.h"
#include "plan/verdict.h"
#include "plot/gnuplot.h"
#include "system/output_directory.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// Everything that a request says, in one place that stays where it is.
typedef struct plan_state {
    const sigmoe_plan_request *request;
    machine_rates rates;
    network network;
    planned_training training;
    scaling scaling;
} plan_state;

// ---------------------------------------------------------------- request

static sigmoe_status check_sizes(const sigmoe_plan_request *r) {
    enum { MOST_NODES = 1 << 20, MOST_CORES = 1 << 16, MOST_BATCH = 1 << 24 };
    if (!r->config) return fail(SIGMOE_BAD_ARGUMENT, "a plan for what? A configuration is needed");
    if (r->nodes < 1 || r->nodes > MOST_NODES)
        return fail(SIGMOE_BAD_ARGUMENT, "`nodes` is %" PRId64 "; it must be in 1..%d", r->nodes, MOST_NODES);
    if (r->cores < 1 || r->cores > MOST_CORES)
        return fail(SIGMOE_BAD_ARGUMENT, "`cores` is %d; it must be in 1..%d", r->cores, MOST_CORES);
    if (r->batch < 0 || r->batch > MOST_BATCH)
        return fail(SIGMOE_BAD_ARGUMENT, "`batch` is %" PRId64 "; it must be in 1..%d", r->batch, MOST_BATCH);
    if (!(r->memory_gb_per_s >= 0) || isinf(r->memory_gb_per_s))
        return fail(SIGMOE_BAD_ARGUMENT, "`memory_gb_per_s` is %g; it must be above 0", r->memory_gb_per_s);
    return SIGMOE_OK;
}

static sigmoe_status check_batch(int64_t batch, int64_t nodes) {
    if (batch < nodes)
        return fail(SIGMOE_BAD_ARGUMENT,
            "a `batch` of %" PRId64 " sequence%s leaves some of %" PRId64
            " nodes without any: plan for fewer `nodes` or a larger `batch`",
            batch, batch == 1 ? "" : "s", nodes);
    if (batch % nodes)
        return fail(SIGMOE_BAD_ARGUMENT,
            "a `batch` of %" PRId64 " cannot be divided among %" PRId64 " nodes evenly: choose a multiple of "
            "the nodes",
            batch, nodes);
    return SIGMOE_OK;
}

static sigmoe_status set_models(const sigmoe_plan_request *r, planned_training *t) {
    const model_config *model = &r->config->model;
    TRY(model_config_check(model));
    t->models[0] = *model;
    t->model_count = 1;
    if (strcmp(model->variant->name, "dense") == 0) return SIGMOE_OK;
    t->model_count = 2;
    return dense_twin(model, &t->models[1]);
}

static sigmoe_status read_request(plan_state *s) {
    const sigmoe_plan_request *r = s->request;
    planned_training *t = &s->training;
    TRY(check_sizes(r));
    TRY(r->rates ? rates_read(r->rates, &s->rates) : rates_builtin(&s->rates));
    if (r->network) TRY(network_parse(r->network, &s->network));
    *t = (planned_training){.cluster = {.rates = &s->rates,
                                .cores = r->cores,
                                .memory = 1e9 * r->memory_gb_per_s,
                                .network = r->network ? &s->network : NULL},
        .nodes = r->nodes,
        .batch = r->batch ? r->batch : r->config->settings.batch,
        .operands = operand_type(r->dtype)};
    TRY(check_batch(t->batch, t->nodes));
    return set_models(r, t);
}

// ---------------------------------------------------------------- results

static sigmoe_status visit_row(const plan_state *s, int model, scheme which) {
    const planned_training *t = &s->training;
    scaling_point p;
    TRY(scaling_at(t, model, which, t->nodes, t->batch, t->batch, &p));
    double tokens = (double)t->batch * (double)t->models[model].unroll;
    const sigmoe_plan_row row = {.model = t->models[model].variant->name,
        .scheme = scheme_name(which),
        .problem = *p.problem ? p.problem : NULL,
        .seconds = p.estimate.seconds,
        .communication_seconds = p.estimate.communication,
        .tokens_per_s = tokens / p.estimate.seconds,
        .memory_bytes = p.estimate.memory_bytes,
        .traffic_bytes = p.estimate.traffic_bytes,
        .speedup = p.speedup,
        .efficiency = p.efficiency};
    s->request->visit(s->request->context, &row);
    return SIGMOE_OK;
}

// Experts are no choice for a model without them.
static sigmoe_status visit_rows(const plan_state *s) {
    for (int model = 0; s->request->visit && model < s->training.model_count; model++)
        for (scheme which = 0; which < SCHEMES; which++)
            if (s->training.models[model].variant->experts || !scheme_moves_rows(which))
                TRY(visit_row(s, model, which));
    return SIGMOE_OK;
}

static sigmoe_status print_summary(const plan_state *s, FILE *out) {
    const machine_rates *r = &s->rates;
    char processor[2 * PROCESSOR_NAME], isa[2 * sizeof r->isa];
    sigmoe_printable(r->processor, processor, sizeof processor);
    sigmoe_printable(r->isa, isa, sizeof isa);
    fprintf(out, "rates: %s, kernels for %s, %" PRId64 " thread%s; %s\n", processor, isa, r->threads,
        r->threads == 1 ? "" : "s",
        s->request->rates ? "from a file" : "the library's own, not this machine's");
    return verdict_print(out, &s->training, &s->scaling);
}

static sigmoe_status write_files(const plan_state *s, const sigmoe_observer *observer) {
    output_directory directory;
    char out[PATH_CAPACITY];
    arena *a;
    bool figures = plot_ready(s->request->figures, observer);
    TRY(path_of_output(out, s->request->out));
    TRY(output_begin(&directory, out, OUTPUT_FIGURES, s->request->force));
    sigmoe_status status = arena_create("figures", &a);
    if (status == SIGMOE_OK) {
        status = scaling_write(a, &s->training, &s->scaling, directory.partial, figures);
        arena_destroy(a);
    }
    return output_end(&directory, status);
}

static sigmoe_status make_plan(plan_state *s, const sigmoe_observer *observer, char **summary) {
    text_stream text;
    TRY(read_request(s));
    TRY(scaling_compute(&s->training, &s->scaling));
    TRY(visit_rows(s));
    if (s->request->out) TRY(write_files(s, observer));
    TRY(text_stream_open(&text));
    sigmoe_status status = print_summary(s, text.out);
    sigmoe_status closed = text_stream_close(&text);
    *summary = text.text;
    return status == SIGMOE_OK ? closed : status;
}

sigmoe_status plan_cluster(
    const sigmoe_plan_request *request, const sigmoe_observer *observer, char **summary) {
    arena *a;
    plan_state *s;
    TRY(ARENA_AROUND("plan", a, s));
    s->request = request;
    sigmoe_status status = make_plan(s, observer, summary);
    arena_destroy(a);
    return status;
}

// ---------------------------------------------------------------- calibration

static sigmoe_status calibrate(
    const sigmoe_calibrate_request *r, communicator *link, const sigmoe_observer *observer) {
    machine_rates rates;
    bool leads = communicator_leads(link);
    if (leads) TRY(file_replaceable(r->out));
    const rates_request request = {r->config, observer ? observer->threads : 0, link};
    TRY(measure_rates(&request, leads ? observer : NULL, &rates));
    return leads ? rates_write(r->out, &rates) : SIGMOE_OK;
}

sigmoe_status plan_calibrate(const sigmoe_calibrate_request *request, const sigmoe_observer *observer) {
    const double TIMEOUT = 600; // seconds
    communicator *link;
    if (!request->config || !request->out)
        return fail(SIGMOE_BAD_ARGUMENT, "a configuration and a file to write are needed");
    TRY(communicator_open(TIMEOUT, &link));
    sigmoe_status status = calibrate(request, link, observer);
    return status == SIGMOE_OK || !link ? status : communicator_fail(link, status);
}
