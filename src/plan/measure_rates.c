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

// Each probe is a training of its own. An interruption can only lengthen a part, so its shortest time is the most accurate; there are
// probes until some have shortened the step by less than noise does.
enum { PROBE_LAYERS = 2, PROBE_TOKENS = 1024, LEAST_PROBES = 3, MOST_PROBES = 8, WITHOUT_GAIN = 2 };
static const double NOISE = 0.01;

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

static sigmoe_status run_once(const probe *p, double seconds[TIMES]) {
    sigmoe_bench_step_result ignored;
    const sigmoe_bench_step_request step = {.size = sizeof step,
        .config = &p->config,
        .batch = p->batch,
        .steps = 1,
        .threads = p->threads,
        .dtype = p->type,
        .visit_part = add_part,
        .context = seconds};
    memset(seconds, 0, TIMES * sizeof *seconds);
    TRY(communicator_meet(p->link));
    double started = seconds_now(), processor = processor_seconds();
    TRY(bench_step(&step, &ignored));
    double share = own_share(p, started, processor);
    for (int t = 0; t < TIMES; t++) seconds[t] *= share;
    return SIGMOE_OK;
}

static double sum_of(const double seconds[TIMES]) {
    double sum = 0;
    for (int t = 0; t < TIMES; t++) sum += seconds[t];
    return sum;
}

// Of a process, the shortest times; of all of them, the mean, so that all stop at the same probe.
static sigmoe_status run_probes(probe *p) {
    double seconds[TIMES], least[TIMES], before = INFINITY;
    for (int t = 0; t < TIMES; t++) least[t] = INFINITY;
    for (int i = 0, without = 0; i < MOST_PROBES && (i < LEAST_PROBES || without < WITHOUT_GAIN); i++) {
        TRY(run_once(p, seconds));
        for (int t = 0; t < TIMES; t++) least[t] = fmin(least[t], seconds[t]);
        TRY(mean_over_ranks(p->link, least, TIMES, p->seconds));
        without = sum_of(p->seconds) < (1 - NOISE) * before ? 0 : without + 1;
        before = fmin(before, sum_of(p->seconds));
        TRY(progress_at(p->meter, p->meter->state.done));
    }
    return progress_at(p->meter, p->meter->state.done + 1);
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
