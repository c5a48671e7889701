#include "bench/kernel.h"

#include "bench/kernel_cases.h"
#include "kernels/operations.h"
#include "kernels/peak/bandwidth.h"
#include "kernels/peak/peak.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

// Implementations are run until this much time has passed.
static const double ENOUGH_SECONDS = 0.5;

typedef struct bench_state {
    const sigmoe_bench_kernel_request *request;
    sigmoe_bench_machine machine;
    workspace work;
    double *times;  // [repetitions]
    matrix clutter; // twice the last-level cache: a pass over it evicts everything else
    void (*visit)(void *context, const sigmoe_bench_kernel_row *row);
    void *context;
} bench_state;

static void clutter_rows(void *context, int64_t task, int thread) {
    (void)thread;
    matrix m = *(matrix *)context;
    real *row = matrix_real(m) + task * m.stride;
    for (int64_t c = 0; c < m.cols; c++) row[c] += 1;
}

static sigmoe_status make_clutter(bench_state *s) {
    enum { COLS = 1 << 18, LEAST_ROWS = 64 }; // 64 MiB
    int64_t rows = 2 * (int64_t)sysconf(_SC_LEVEL3_CACHE_SIZE) / (int64_t)(COLS * sizeof(real));
    if (rows < LEAST_ROWS) rows = LEAST_ROWS;
    TRY(matrix_new(s->work.activations, TYPE_REAL, rows, COLS, &s->clutter));
    memset(s->clutter.data, 0, (size_t)(rows * COLS) * sizeof(real));
    return SIGMOE_OK;
}

static sigmoe_status time_once(bench_state *s, const kernel_case *c, kernel_run *run, double *seconds) {
    parallel_for(s->work.kernel.threads, s->clutter.rows, clutter_rows, &s->clutter);
    double start = seconds_now();
    TRY(c->once(run));
    *seconds = seconds_now() - start;
    return SIGMOE_OK;
}

// The median, or the warm-up's own time if that was long enough.
static sigmoe_status time_case(bench_state *s, const kernel_case *c, kernel_run *run, double *seconds) {
    TRY(time_once(s, c, run, seconds));
    if (*seconds > ENOUGH_SECONDS) return SIGMOE_OK;
    int count = 0;
    for (double sum = 0; count < s->request->repetitions && sum < ENOUGH_SECONDS; count++) {
        TRY(time_once(s, c, run, &s->times[count]));
        sum += s->times[count];
    }
    *seconds = bench_median(s->times, count);
    return SIGMOE_OK;
}

static sigmoe_bench_kernel_row make_row(
    bench_state *s, const kernel_case *c, const kernel_run *run, double seconds) {
    bool wide = run->operands != SIGMOE_BF16;
    double *peak = wide ? &s->machine.peak_gflops : &s->machine.bf16_peak_gflops;
    *peak = peak_gflops_beyond(
        s->work.kernel.threads, wide ? TYPE_REAL : TYPE_BF16, run->flops / (seconds * 1e9));
    double arithmetic = run->flops / (*peak * 1e9);
    double memory = run->bytes / (s->machine.gigabytes_per_s * 1e9);
    return (sigmoe_bench_kernel_row){.operation = c->operation,
        .shape = c->shape,
        .ms = seconds * 1e3,
        .gflops = run->flops / (seconds * 1e9),
        .gigabytes_per_s = run->bytes / (seconds * 1e9),
        .bound = arithmetic > memory ? "fma" : "memory",
        .fraction_of_bound = fmax(arithmetic, memory) / seconds};
}

static sigmoe_status visit_implementations(
    bench_state *s, const kernel_list *list, const kernel_case *c, kernel_run *run) {
    for (int i = 0; i < list->count; i++) {
        if (!kernel_runs(list->all[i])) continue;
        double seconds;
        kernel_force(list->all[i]->name);
        sigmoe_status status = time_case(s, c, run, &seconds);
        kernel_force(NULL);
        if (status != SIGMOE_OK) return status;
        sigmoe_bench_kernel_row row = make_row(s, c, run, seconds);
        row.implementation = list->all[i]->name;
        row.chosen = list->all[i] == kernel_choose(list->all, list->count);
        s->visit(s->context, &row);
    }
    return SIGMOE_OK;
}

static bool list_named(const char *operation, kernel_list *list) {
    for (int i = 0; kernel_list_at(i, list); i++)
        if (strcmp(list->operation, operation) == 0) return true;
    return false;
}

static sigmoe_status visit_case(bench_state *s, const kernel_case *c) {
    kernel_list list;
    kernel_run run = {.kernel = s->work.kernel, .a = s->work.activations, .operands = c->operands};
    if (!list_named(c->operation, &list)) return SIGMOE_OK;
    arena_mark mark = arena_here(run.a);
    sigmoe_status status = c->prepare(&run);
    if (status == SIGMOE_OK) status = visit_implementations(s, &list, c, &run);
    arena_release(run.a, mark);
    return status;
}

static sigmoe_status visit_cases(bench_state *s) {
    const char *only = s->request->operation;
    TRY(ARENA_NEW(s->work.activations, s->times, s->request->repetitions));
    s->machine.peak_gflops = peak_gflops(s->work.kernel.threads, TYPE_REAL);
    s->machine.bf16_peak_gflops = peak_gflops(s->work.kernel.threads, TYPE_BF16);
    s->machine.isa = cpu_level_name(cpu_current());
    TRY(peak_bandwidth(&s->work.kernel, &s->machine.gigabytes_per_s));
    TRY(make_clutter(s));
    const kernel_case *c;
    for (int i = 0; (c = kernel_case_at(i)); i++)
        if (!only || strcmp(only, c->operation) == 0) TRY(visit_case(s, c));
    return SIGMOE_OK;
}

static sigmoe_status check_request(const sigmoe_bench_kernel_request *r) {
    kernel_list list;
    TRY(bench_check(&(bench_size){"repetitions", r->repetitions}, 1));
    if (r->operation && !list_named(r->operation, &list))
        return fail(SIGMOE_BAD_ARGUMENT, "there is no operation \"%.40s\": `sigmoe_cpu_kernel` lists them",
            r->operation);
    return SIGMOE_OK;
}

sigmoe_status bench_kernel(const sigmoe_bench_kernel_request *request,
    void (*visit)(void *context, const sigmoe_bench_kernel_row *row), void *context,
    sigmoe_bench_machine *machine) {
    bench_state s = {.request = request, .visit = visit, .context = context};
    TRY(check_request(request));
    TRY(workspace_open(request->threads, &s.work));
    sigmoe_status status = visit_cases(&s);
    workspace_close(&s.work);
    *machine = s.machine;
    return status;
}
