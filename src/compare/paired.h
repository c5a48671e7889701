// Differences of two variants' scores, paired by seed, and whether either variant has learned more than an n-gram.
#pragma once

#include "compare/result.h"

enum { LEAST_PAIRS = 3 };

// A mean with its 95 % interval by Student's t.
typedef struct t_interval {
    int count;
    double mean, low, high; // NaN: too few values
} t_interval;
t_interval t_interval_of(const double *values, int count);
typedef const sigmoe_scores *result_scores(const run_result *r);
const sigmoe_scores *valid_scores(const run_result *r);
const sigmoe_scores *test_scores(const run_result *r);

// The scores of `worse` minus those of `better`, variants of the comparison, paired by the seeds for which both have one.
// `room` holds one number per seed.
t_interval paired_difference(
    const comparison_result *c, int better, int worse, result_scores *of, double *room);

// The n-gram's score of that kind; NaN: there is no n-gram.
double ngram_score(const comparison_result *c, result_scores *of);
// Whether counting n-grams is at least as good as a mean score.
bool ngram_beats(const comparison_result *c, result_scores *of, double mean);
