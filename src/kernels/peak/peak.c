#include "kernels/peak/peak.h"

#include <time.h>

enum { TRIALS = 100, REMEMBERED = 16 };
static const double trial_seconds = 2e-3;

// A level without products of bf16 widens them.
static peak_chains *chains_of(cpu_level level, dtype operands) {
#if REAL_IS_FLOAT
    if (operands == TYPE_BF16 && level >= CPU_AMX) return peak_chains_amxbf16;
    if (operands == TYPE_BF16 && level >= CPU_AVX512BF16) return peak_chains_avx512bf16;
    if (level >= CPU_AVX512) return peak_chains_avx512;
    if (level >= CPU_AVX2) return peak_chains_avx2;
#endif
    (void)level, (void)operands;
    return peak_chains_scalar;
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct trial {
    peak_chains *chains;
    int64_t rounds;
    double operations; // of one task
} trial;

static void run_chains(void *context, int64_t task, int thread) {
    (void)thread;
    trial *t = context;
    double operations;
    t->chains(t->rounds, &operations);
    if (task == 0) t->operations = operations;
}

// Seconds for one task a thread.
static double time_trial(threads *pool, trial *t) {
    double start = seconds_now();
    parallel_for(pool, threads_count(pool), run_chains, t);
    return seconds_now() - start;
}

static double measure(threads *pool, peak_chains *chains) {
    trial t = {.chains = chains, .rounds = 1000};
    while (time_trial(pool, &t) < trial_seconds) t.rounds *= 2;
    double best = 0;
    for (int i = 0; i < TRIALS; i++) {
        double seconds = time_trial(pool, &t);
        double gflops = 1e-9 * t.operations * threads_count(pool) / seconds;
        if (gflops > best) best = gflops;
    }
    return best;
}

double peak_gflops(threads *pool, dtype operands) {
    peak_chains *chains = chains_of(cpu_current(), operands);
    static struct {
        int count;
        peak_chains *chains;
        double gflops;
    } known[REMEMBERED];
    static int next;
    for (int i = 0; i < REMEMBERED; i++)
        if (known[i].count == threads_count(pool) && known[i].chains == chains) return known[i].gflops;
    int place = next++ % REMEMBERED;
    known[place].gflops = measure(pool, chains);
    known[place].chains = chains;
    known[place].count = threads_count(pool);
    return known[place].gflops;
}
