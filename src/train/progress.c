#include "train/progress.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static const double SECONDS_BETWEEN_CALLS = 0.1;
static const double WEIGHT_OF_LATEST = 0.2; // in the rate, which is smoothed

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_begin(progress_meter *meter, const sigmoe_observer *observer, const char *task,
    const char *unit, double done, double total) {
    *meter = (progress_meter){.observer = observer,
        .shown = {.task = task,
            .unit = unit,
            .done = done,
            .total = total,
            .rate = NAN,
            .seconds_left = NAN,
            .loss = NAN,
            .score = NAN,
            .tokens_per_second = NAN,
            .fraction_of_peak = NAN},
        .last_time = seconds_now(),
        .last_done = done};
}

static bool audible(const progress_meter *meter) {
    return meter->observer && meter->observer->progress;
}

bool progress_due(const progress_meter *meter) {
    return audible(meter) && seconds_now() - meter->last_time >= SECONDS_BETWEEN_CALLS;
}

static void show(progress_meter *meter, double done) {
    sigmoe_progress *p = &meter->shown;
    double now = seconds_now(), elapsed = now - meter->last_time;
    if (elapsed > 0 && done > meter->last_done) {
        double latest = (done - meter->last_done) / elapsed;
        p->rate = isnan(p->rate) ? latest : p->rate + WEIGHT_OF_LATEST * (latest - p->rate);
    }
    p->done = done;
    p->seconds_left = (p->total - done) / p->rate;
    meter->last_time = now;
    meter->last_done = done;
    meter->observer->progress(meter->observer->context, p);
}

void progress_update(progress_meter *meter, double done) {
    if (progress_due(meter)) show(meter, done);
}

void progress_end(progress_meter *meter, double done) {
    meter->shown.finished = true;
    if (audible(meter)) show(meter, done);
}

bool observer_stopped(const sigmoe_observer *observer) {
    return observer && observer->stop && *observer->stop;
}

void observer_note(const sigmoe_observer *observer, const char *format, ...) {
    if (!observer || !observer->note) return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    observer->note(observer->context, line);
}
