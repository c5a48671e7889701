#include "plan/measure_rates.h"

#include "base/clock.h"
#include "base/cpu.h"
#include "base/progress.h"
#include "bench/step.h"
#include "kernels/peak/bandwidth.h"
#include "model/workspace.h"
#include "plan/measure_messages.h"

#include <math.h>
#include <string.h>

// Each probe is a training of its own. An interruption can only lengthen it, so the one that was interrupted least is the most
// accurate.
enum { PROBE_LAYERS = 2, PROBE_TOKENS = 1024, PROBES = 4 };

// What a step's time goes to: the parts of the work, then what has rates of bytes.
enum { TIME_STREAM = WORK_PARTS, TIME_UPDATE, TIMES };

typedef struct part_name {
    const char *beginning; // of the names in a step's breakdown (THREADS_PART)
    int time;
} part_name;

// The first that fits counts; what none fits is TIME_STREAM.
static const part_name part_names[] = {
    {"attention: projections", WORK_PROJECTIONS},
    {"attention: scores", WORK_ATTENTION},
    {"feedforward: the rest", TIME_STREAM},
    {"feedforward: ", WORK_FEEDFORWARD},
    {"experts: ", WORK_EXPERTS},
    {"router", WORK_EXPERTS},
    {"grouping", WORK_EXPERTS},
    {"regularizer", WORK_EXPERTS},
    {"cross entropy", WORK_LOGITS},
    {"Adam", TIME_UPDATE},
    {"gradients: ", TIME_UPDATE},
    {"rounding", TIME_UPDATE},
};

static int time_of_part(const char *name) {
    for (size_t i = 0; i < sizeof part_names / sizeof *part_names; i++)
        if (strncmp(name, part_names[i].beginning, strlen(part_names[i].beginning)) == 0)
            return part_names[i].time;
    return TIME_STREAM;
}

static void add_part(void *context, const sigmoe_bench_part *part) {
    ((double *)context)[time_of_part(part->name)] += part->ms * 1e-3;
}

// ---------------------------------------------------------------- probes

typedef struct probe {
    sigmoe_config config; // of few layers
    int64_t batch;
    int threads;
    sigmoe_dtype type;
    communicator *link;
    progress_meter *meter;
    double seconds[TIMES]; // of a step, on average over the ranks
} probe;

static double processor_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// A thread alone computes all the time, so what it did not have of its processor, other processes had: it is no part of the rates.
// Several threads wait for each other, too, which is.
static double own_share(const probe *p, double started, double processor) {
    return p->threads == 1 ? fmin(1, (processor_seconds() - processor) / (seconds_now() - started)) : 1;
}

// A probe's times, and its share.
typedef struct probe_times {
    double seconds[TIMES], share;
} probe_times;

static sigmoe_status run_once(const probe *p, probe_times *out) {
    sigmoe_bench_step_result ignored;
    const sigmoe_bench_step_request step = {.size = sizeof step,
        .config = &p->config,
        .batch = p->batch,
        .steps = 1,
        .threads = p->threads,
        .dtype = p->type,
        .visit_part = add_part,
        .context = out->seconds};
    *out = (probe_times){0};
    TRY(communicator_meet(p->link));
    double started = seconds_now(), processor = processor_seconds();
    TRY(bench_step(&step, &ignored));
    out->share = own_share(p, started, processor);
    for (int t = 0; t < TIMES; t++) out->seconds[t] *= out->share;
    return SIGMOE_OK;
}

static double sum_of(const double seconds[TIMES]) {
    double sum = 0;
    for (int t = 0; t < TIMES; t++) sum += seconds[t];
    return sum;
}

// Parts of different probes are not mixed: where one was not interrupted, its time would be corrected for what interrupted others.
static bool less_interrupted(const probe_times *a, const probe_times *b) {
    return a->share > b->share || (a->share == b->share && sum_of(a->seconds) < sum_of(b->seconds));
}

// Of a process, the probe that was interrupted least; of all processes, the mean.
static sigmoe_status run_probes(probe *p) {
    probe_times best, now;
    TRY(run_once(p, &best));
    for (int i = 1; i < PROBES; i++) {
        TRY(run_once(p, &now));
        if (less_interrupted(&now, &best)) best = now;
        TRY(progress_at(p->meter, p->meter->state.done));
    }
    TRY(progress_at(p->meter, p->meter->state.done + 1));
    return mean_over_ranks(p->link, best.seconds, TIMES, p->seconds);
}

static double per_second(double amount, double seconds, int thread_count) {
    const double LEAST = 1e-9; // of a part that takes no time
    return amount / (1e9 * fmax(seconds, LEAST) * thread_count);
}

// Sets the rates of the parts that the probe's model has.
static sigmoe_status set_rates(const probe *p, type_rates *rates) {
    step_work w;
    TRY(step_work_of(&p->config.model, p->batch, operand_type(p->type), &w));
    for (int i = 0; i < WORK_PARTS; i++)
        if (w.operations[i] > 0) rates->gflops[i] = per_second(w.operations[i], p->seconds[i], p->threads);
    rates->stream = per_second(w.stream_bytes, p->seconds[TIME_STREAM], p->threads);
    rates->update = per_second(
        UPDATE_PASSES * sizeof(real) * (w.shared + w.experts), p->seconds[TIME_UPDATE], p->threads);
    return SIGMOE_OK;
}

// The dense twin first: what both models have gets the rates of the mixture.
static sigmoe_status measure_type(probe *p, type_rates *rates) {
    const model_config mixture = p->config.model;
    TRY(dense_twin(&mixture, &p->config.model));
    TRY(run_probes(p));
    TRY(set_rates(p, rates));
    p->config.model = mixture;
    TRY(run_probes(p));
    return set_rates(p, rates);
}

// ---------------------------------------------------------------- the machine

static sigmoe_status measure_memory(int thread_count, double *per_thread) {
    workspace w;
    TRY(workspace_open(thread_count, &w));
    sigmoe_status status = peak_bandwidth(&w.kernel, per_thread);
    *per_thread /= threads_count(w.kernel.threads);
    workspace_close(&w);
    return status;
}

static sigmoe_status count_threads(int wanted, int *count) {
    workspace w;
    TRY(workspace_open(wanted, &w));
    *count = threads_count(w.kernel.threads);
    workspace_close(&w);
    return SIGMOE_OK;
}

static sigmoe_status measure_all(const rates_request *r, probe *p, machine_rates *rates) {
    double memory;
    TRY(count_threads(r->threads, &p->threads));
    rates->threads = p->threads;
    p->type = SIGMOE_F32;
    TRY(measure_type(p, &rates->f32));
    p->type = SIGMOE_BF16;
    TRY(measure_type(p, &rates->bf16));
    TRY(communicator_meet(r->link));
    TRY(measure_memory(r->threads, &memory));
    TRY(mean_over_ranks(r->link, &memory, 1, &rates->memory));
    return measure_messages(r->link, &rates->messages);
}

static sigmoe_status check(const model_config *model) {
    TRY(model_config_check(model));
    return model->variant->experts
               ? SIGMOE_OK
               : fail(SIGMOE_BAD_ARGUMENT, "rates are measured on a mixture of experts and a dense model of "
                                           "its size: choose a configuration whose ff.type is moe");
}

sigmoe_status measure_rates(
    const rates_request *request, const sigmoe_observer *observer, machine_rates *rates) {
    progress_meter meter;
    probe p = {.config = config_copy(request->config), .link = request->link, .meter = &meter};
    model_config *model = &p.config.model;
    TRY(check(model));
    if (model->n_layers > PROBE_LAYERS) model->n_layers = PROBE_LAYERS;
    p.batch = (PROBE_TOKENS + model->unroll - 1) / model->unroll;
    *rates = (machine_rates){0};
    processor_name(rates->processor);
    snprintf(rates->isa, sizeof rates->isa, "%s", cpu_level_name(cpu_current()));
    progress_begin(&meter, observer, "measure rates", "models", 0, 4);
    TRY(measure_all(request, &p, rates));
    progress_end(&meter);
    return SIGMOE_OK;
}
