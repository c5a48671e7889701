#include "base/progress.h"

#include "base/clock.h"
#include "base/observer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const double interval = 0.2; // seconds between reports

static void report_state(progress_meter *m, double time) {
    m->reported = time;
    m->state.rate = (m->state.done - m->first) / (time - m->started);
    m->state.seconds_left = (m->state.total - m->state.done) / m->state.rate;
    if (m->observer && m->observer->progress) m->observer->progress(m->observer->context, &m->state);
}

void progress_begin(progress_meter *m, const sigmoe_observer *observer, const char *task, const char *unit,
    double done, double total) {
    double time = seconds_now();
    *m = (progress_meter){.observer = observer, .started = time, .reported = time, .first = done};
    m->state = (sigmoe_progress){.task = task,
        .unit = unit,
        .done = done,
        .total = total,
        .loss = NAN,
        .score = NAN,
        .tokens_per_second = NAN,
        .fraction_of_peak = NAN};
}

sigmoe_status progress_at(progress_meter *m, double done) {
    if (observer_stops(m->observer)) return fail(SIGMOE_INTERRUPTED, "%s: stopped on request", m->state.task);
    m->state.done = done;
    double time = seconds_now();
    if (time - m->reported >= interval) report_state(m, time);
    return SIGMOE_OK;
}

void progress_end(progress_meter *m) {
    m->state.finished = true;
    report_state(m, seconds_now());
}

void progress_note(const sigmoe_observer *observer, const char *format, ...) {
    enum { LINE = 1 << 13 }; // several paths
    char sentence[LINE], line[LINE];
    va_list arguments;
    if (!observer || !observer->note) return;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    sigmoe_printable(sentence, line, sizeof line);
    observer->note(observer->context, line);
}
