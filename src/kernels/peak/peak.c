#include "kernels/peak/peak.h"

#include <time.h>

enum { TRIALS = 100, REMEMBERED = 16 };
static const double trial_seconds = 2e-3;

static peak_chains *chains_of(cpu_level level) {
#if REAL_IS_FLOAT
    if (level >= CPU_AVX512) return peak_chains_avx512;
    if (level >= CPU_AVX2) return peak_chains_avx2;
#endif
    (void)level;
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

static double measure(threads *pool) {
    trial t = {.chains = chains_of(cpu_current()), .rounds = 1000};
    while (time_trial(pool, &t) < trial_seconds) t.rounds *= 2;
    double best = 0;
    for (int i = 0; i < TRIALS; i++) {
        double seconds = time_trial(pool, &t);
        double gflops = 1e-9 * t.operations * threads_count(pool) / seconds;
        if (gflops > best) best = gflops;
    }
    return best;
}

double peak_gflops(threads *pool) {
    static struct {
        int count;
        cpu_level level;
        double gflops;
    } known[REMEMBERED];
    static int next;
    for (int i = 0; i < REMEMBERED; i++)
        if (known[i].count == threads_count(pool) && known[i].level == cpu_current()) return known[i].gflops;
    int place = next++ % REMEMBERED;
    known[place].gflops = measure(pool);
    known[place].level = cpu_current();
    known[place].count = threads_count(pool);
    return known[place].gflops;
}
