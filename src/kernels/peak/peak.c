#include "kernels/peak/peak.h"
#include "base/clock.h"
#include "kernels/peak/best_rate.h"

#include <pthread.h>

enum { REMEMBERED = 16, MEASURED_AGAIN = 5 };
// A trial is long compared with the start of the threads, and short compared with a thread's time slice on a busy system.
static const best_rate_plan plan = {
    .least_seconds = 1e-3, .least_trials = 100, .most_trials = 500, .without_gain = 60};

// A level without bf16 products widens the operands.
static peak_chains *chains_of(cpu_level level, dtype operands) {
#if REAL_IS_FLOAT && defined(SIGMOE_X86)
    if (operands == TYPE_BF16 && level >= CPU_AMX) return peak_chains_amxbf16;
    if (operands == TYPE_BF16 && level >= CPU_AVX512BF16) return peak_chains_avx512bf16;
    if (level >= CPU_AVX512) return peak_chains_avx512;
    if (level >= CPU_AVX2) return peak_chains_avx2;
#endif
    (void)level, (void)operands;
    return peak_chains_scalar;
}

typedef struct trial {
    threads *pool;
    peak_chains *chains;
    int64_t rounds;
    double operations; // per task
} trial;

static void run_chains(void *context, int64_t task, int thread) {
    (void)thread;
    trial *t = context;
    double operations;
    t->chains(t->rounds, &operations);
    if (task == 0) t->operations = operations;
}

// One task per thread.
static double time_trial(void *context, int64_t rounds) {
    trial *t = context;
    t->rounds = rounds;
    double start = seconds_now();
    parallel_for(t->pool, threads_count(t->pool), run_chains, t);
    return seconds_now() - start;
}

static double measure(threads *pool, peak_chains *chains) {
    trial t = {.pool = pool, .chains = chains};
    double rate = best_rate(time_trial, &t, &plan);
    return 1e-9 * rate * t.operations / (double)t.rounds * threads_count(pool);
}

typedef struct known_peak {
    int count;
    peak_chains *chains;
    double gflops;
    int times; // number of measurements
} known_peak;

// Guards the known peaks; held while measuring, since concurrent measurements would disturb each other.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static known_peak *known(threads *pool, dtype operands) {
    static known_peak peaks[REMEMBERED];
    static int next;
    peak_chains *chains = chains_of(cpu_current(), operands);
    for (int i = 0; i < REMEMBERED; i++)
        if (peaks[i].count == threads_count(pool) && peaks[i].chains == chains) return &peaks[i];
    known_peak *p = &peaks[next++ % REMEMBERED];
    *p = (known_peak){threads_count(pool), chains, measure(pool, chains), 1};
    return p;
}

double peak_gflops(threads *pool, dtype operands) {
    pthread_mutex_lock(&lock);
    double gflops = known(pool, operands)->gflops;
    pthread_mutex_unlock(&lock);
    return gflops;
}

double peak_gflops_beyond(threads *pool, dtype operands, double reached) {
    pthread_mutex_lock(&lock);
    known_peak *p = known(pool, operands);
    for (; reached > p->gflops && p->times <= MEASURED_AGAIN; p->times++) {
        double again = measure(pool, p->chains);
        if (again > p->gflops) p->gflops = again;
    }
    double gflops = p->gflops;
    pthread_mutex_unlock(&lock);
    return gflops;
}
