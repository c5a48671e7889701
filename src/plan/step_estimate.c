#include "plan/step_estimate.h"

#include <math.h>

// Of the time of sums, what the backward pass hides: how much that is between machines has not been measured.
static const double HIDDEN_SHARE = 0;
// Twelve channels of DDR5-4800, what a socket of 96 cores has.
static const double SOCKET_MEMORY = 460.8e9;

static double node_memory(const cluster *c) {
    return c->memory > 0 ? c->memory : fmin(1e9 * c->rates->memory * c->cores, SOCKET_MEMORY);
}

// What a rate of bytes of one thread becomes on all cores. On few, caches may let it be more than memory's.
static double bytes_per_s(const cluster *c, double of_thread) {
    double cores = 1e9 * of_thread * c->cores, memory = node_memory(c);
    return fmin(cores, fmax(memory, 1e9 * of_thread));
}

// A part takes as long as its arithmetic, or as moving its weights, of which a rank has `weights`.
static double part_seconds(
    const cluster *c, const step_work *w, const type_rates *rates, work_part part, double weights) {
    if (w->operations[part] == 0) return 0;
    double arithmetic = w->operations[part] / (1e9 * rates->gflops[part] * c->cores);
    return fmax(arithmetic, weights * w->weight_bytes[part] / node_memory(c));
}

static double compute_seconds(
    const cluster *c, scheme s, const step_work *w, const type_rates *rates, int64_t ranks) {
    double seconds = w->stream_bytes / bytes_per_s(c, rates->stream);
    double expert_weights = 1 / (double)expert_group(s, w, ranks);
    for (work_part part = 0; part < WORK_PARTS; part++)
        seconds += part_seconds(c, w, rates, part, part == WORK_EXPERTS ? expert_weights : 1);
    return seconds;
}

// A rank is never faster than the messages that were measured, which cross memory alone: what is summed is also added up.
static double communication_seconds(const cluster *c, const step_traffic *t) {
    const message_rates *m = &c->rates->messages;
    double sum = 1e9 * m->sum, exchange = 1e9 * m->exchange, latency = 0;
    if (c->network) {
        sum = fmin(sum, c->network->bytes_per_s);
        exchange = fmin(exchange, c->network->bytes_per_s);
        latency = c->network->latency;
    }
    double waiting = t->rounds * latency + t->messages * m->microseconds * 1e-6;
    return waiting + (1 - HIDDEN_SHARE) * t->summed / sum + (t->routed + t->small) / exchange;
}

step_estimate estimate_step(
    const cluster *c, scheme s, const step_work *work, dtype operands, int64_t ranks) {
    const type_rates *rates = rates_of_type(c->rates, operands);
    step_traffic t = scheme_traffic(s, work, ranks);
    step_estimate e = {.compute = compute_seconds(c, s, work, rates, ranks),
        .update =
            UPDATE_PASSES * sizeof(real) * scheme_updates(s, work, ranks) / bytes_per_s(c, rates->update),
        .communication = communication_seconds(c, &t),
        .memory_bytes = scheme_memory(s, work, ranks),
        .traffic_bytes = t.summed + t.routed + t.small};
    e.seconds = e.compute + e.update + e.communication;
    return e;
}
