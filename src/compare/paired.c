#include "compare/paired.h"

#include <math.h>

// ---------------------------------------------------------------- Student's t

double student_quantile(int freedom) {
    static const double table[] = {12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624,
        2.306004, 2.262157, 2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816,
        2.100922, 2.093024, 2.085963};
    enum { KNOWN = sizeof table / sizeof *table };
    if (freedom <= KNOWN) return table[freedom - 1];
    // Fisher's expansion around the normal quantile; the error is below 1e-5 from here on.
    const double z = 1.959963985, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, n = freedom;
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

t_interval t_interval_of(const double *values, int count) {
    double sum = 0, squares = 0;
    if (count < LEAST_PAIRS) return (t_interval){count, NAN, NAN, NAN};
    for (int i = 0; i < count; i++) sum += values[i];
    double mean = sum / count;
    for (int i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
    double half = student_quantile(count - 1) * sqrt(squares / (count - 1) / count);
    return (t_interval){count, mean, mean - half, mean + half};
}

// ---------------------------------------------------------------- for a comparison

const sigmoe_scores *valid_scores(const run_result *r) {
    return &r->valid;
}
const sigmoe_scores *test_scores(const run_result *r) {
    return &r->test;
}

double ngram_score(const comparison_result *c, result_scores *of) {
    return c->ngram.known ? plan_score(c->plan, of == valid_scores ? &c->ngram.valid : &c->ngram.test) : NAN;
}

bool ngram_beats(const comparison_result *c, result_scores *of, double mean) {
    return ngram_score(c, of) <= mean; // false if either is unknown
}

t_interval paired_difference(
    const comparison_result *c, int better, int worse, result_scores *of, double *room) {
    int count = 0;
    for (int seed = 0; seed < c->plan->variants[better].seeds && seed < c->plan->variants[worse].seeds;
        seed++) {
        double difference = plan_score(c->plan, of(result_run(c, worse, seed))) -
                            plan_score(c->plan, of(result_run(c, better, seed)));
        if (isfinite(difference)) room[count++] = difference;
    }
    return t_interval_of(room, count);
}
