#include "kernels/peak/bandwidth.h"

#include "base/clock.h"
#include "kernels/peak/best_rate.h"
#include "kernels/peak/reading.h"

#include <unistd.h>

// The buffer must be much larger than the last-level cache, so that a pass measures memory. Its pieces are distributed
// dynamically: a thread whose processor is taken away delays a pass by at most one piece.
enum { TIMES_THE_CACHE = 4, PIECE_WORDS = 1 << 17 };
static const int64_t LEAST_BYTES = (int64_t)128 << 20, MOST_BYTES = (int64_t)1 << 30;

static int64_t buffer_words(void) {
    int64_t bytes = TIMES_THE_CACHE * (int64_t)sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (bytes < LEAST_BYTES) bytes = LEAST_BYTES;
    if (bytes > MOST_BYTES) bytes = MOST_BYTES;
    return bytes / (int64_t)sizeof(uint64_t);
}

typedef struct stream {
    threads *pool;
    uint64_t *words;
    int64_t pieces;
    bool write;
    sum_words *read;
    uint64_t *sums; // [pieces]
} stream;

static sum_words *best_reader(void) {
#if REAL_IS_FLOAT && defined(SIGMOE_X86)
    if (cpu_current() >= CPU_AVX512) return sum_words_avx512;
    if (cpu_current() >= CPU_AVX2) return sum_words_avx2;
#endif
    return sum_words_scalar;
}

static void pass_over(void *context, int64_t task, int thread) {
    (void)thread;
    const stream *s = context;
    uint64_t *words = s->words + task * PIECE_WORDS;
    if (s->write)
        for (int64_t i = 0; i < PIECE_WORDS; i++) words[i] += 1;
    else
        s->sums[task] = s->read(words, PIECE_WORDS);
}

static double time_passes(void *context, int64_t passes) {
    stream *s = context;
    double start = seconds_now();
    for (int64_t i = 0; i < passes; i++) parallel_for(s->pool, s->pieces, pass_over, s);
    return seconds_now() - start;
}

// In units of 1e9 bytes per second.
static double rate_of(stream *s) {
    const best_rate_plan plan = {
        .least_trials = 6, .most_trials = 24, .without_gain = 4}; // each pass is long enough
    double bytes = (double)(s->pieces * PIECE_WORDS) * sizeof(uint64_t);
    return 1e-9 * (s->write ? 2 : 1) * bytes * best_rate(time_passes, s, &plan);
}

// The first writing pass also maps the memory. Without `writing` it is the only one.
static sigmoe_status measure(const kernel_context *context, double *reading, double *writing) {
    stream s = {.pool = context->threads, .pieces = buffer_words() / PIECE_WORDS, .read = best_reader()};
    TRY(ARENA_NEW(context->scratch, s.words, s.pieces * PIECE_WORDS));
    TRY(ARENA_NEW(context->scratch, s.sums, s.pieces));
    s.write = true;
    if (writing)
        *writing = rate_of(&s);
    else
        time_passes(&s, 1);
    s.write = false;
    *reading = rate_of(&s);
    return SIGMOE_OK;
}

static sigmoe_status measure_apart(const kernel_context *context, double *reading, double *writing) {
    arena_mark mark = arena_here(context->scratch);
    sigmoe_status status = measure(context, reading, writing);
    arena_release(context->scratch, mark);
    return status;
}

sigmoe_status peak_bandwidth(const kernel_context *context, double *gigabytes_per_s) {
    double reading, writing;
    TRY(measure_apart(context, &reading, &writing));
    *gigabytes_per_s = writing > reading ? writing : reading;
    return SIGMOE_OK;
}

sigmoe_status peak_read_bandwidth(const kernel_context *context, double *gigabytes_per_s) {
    return measure_apart(context, gigabytes_per_s, NULL);
}
