#include "kernels/peak/peak.h"

#include <time.h>
#include <unistd.h>

// Far beyond the last cache, or a pass over it would not be one over the memory.
enum { TIMES_THE_CACHE = 4, PASSES = 12 };
static const int64_t LEAST_BYTES = (int64_t)128 << 20, MOST_BYTES = (int64_t)1 << 30;

static int64_t buffer_words(void) {
    int64_t bytes = TIMES_THE_CACHE * (int64_t)sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (bytes < LEAST_BYTES) bytes = LEAST_BYTES;
    if (bytes > MOST_BYTES) bytes = MOST_BYTES;
    return bytes / (int64_t)sizeof(uint64_t);
}

typedef struct stream {
    uint64_t *words;
    int64_t per_task;
    bool write;
    uint64_t *sums; // [tasks]
} stream;

static void pass_over(void *context, int64_t task, int thread) {
    (void)thread;
    const stream *s = context;
    uint64_t *words = s->words + task * s->per_task, sum = 0;
    if (s->write)
        for (int64_t i = 0; i < s->per_task; i++) words[i] += 1;
    else
        for (int64_t i = 0; i < s->per_task; i++) sum += words[i];
    s->sums[task] = sum;
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// The better of reading alone, and of reading and writing back.
static sigmoe_status measure(const kernel_context *context, double *gigabytes_per_s) {
    int tasks = threads_count(context->threads);
    stream s = {.per_task = buffer_words() / tasks};
    TRY(ARENA_NEW(context->scratch, s.words, s.per_task * tasks));
    TRY(ARENA_NEW(context->scratch, s.sums, tasks));
    *gigabytes_per_s = 0;
    for (int pass = 0; pass < PASSES; pass++) {
        s.write = pass % 2;
        double start = seconds_now();
        parallel_for(context->threads, tasks, pass_over, &s);
        double moved = (s.write ? 2.0 : 1.0) * (double)(s.per_task * tasks) * sizeof(uint64_t);
        double rate = 1e-9 * moved / (seconds_now() - start);
        if (rate > *gigabytes_per_s) *gigabytes_per_s = rate;
    }
    return SIGMOE_OK;
}

sigmoe_status peak_bandwidth(const kernel_context *context, double *gigabytes_per_s) {
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = measure(context, gigabytes_per_s);
    arena_release(context->scratch, mark);
    return status;
}
