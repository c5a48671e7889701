// What the scores of a comparison show: the difference of each pair of variants with its interval, and who leads.
//
// Scores are paired by seed. An interval is the mean difference ± c · √(v/n) for n common seeds and a variance v of the pair's
// differences, and the intervals of all pairs hold together with the level's probability. Fewer than POOLED_BELOW seeds say
// little of v: then it is pooled over the variants, as in an analysis of variance with seeds as blocks, though never taken to be
// less than the pair's own, and c is q/√2 of Tukey's studentized range q for the number of variants (Tukey 1953; Hsu, Multiple
// Comparisons, 1996, chapter 5). A variant whose scores vary beyond comparison with the others' stays out of the pool. From
// there on v is the pair's own, and c is Student's t with the error divided by the number of pairs (Bonferroni).
//
// Who looks at the scores again after more seeds, and stops when he likes them, finds differences that are not there. Look
// number k therefore uses the error 0.05/(k(k+1)), which sums to 0.05 over any number of looks (repeated confidence intervals:
// Jennison and Turnbull, J. R. Statist. Soc. B 51, 1989; the errors add up by Bonferroni's inequality). A comparison that is
// looked at once, as planned, uses 0.05.
#pragma once

#include "compare/paired.h"
#include "compare/summary.h"

enum { POOLED_BELOW = 8 };

typedef struct judgement_rules {
    double error;  // the probability that any interval misses its difference: 0.05
    double margin; // differences within this fraction of the scores are none
} judgement_rules;
// The error of look number `look` (1, 2, ...) at a comparison; `sequential`: it goes on until it is decided.
double error_of_look(int look, bool sequential);

typedef enum pair_verdict {
    PAIR_UNJUDGED,  // fewer than LEAST_PAIRS seeds in common
    PAIR_UNDECIDED, // the interval contains 0, and more than the margin
    PAIR_EQUAL,     // it lies within the margin
    PAIR_BETTER,    // a's score is lower
    PAIR_WORSE,
} pair_verdict;
const char *pair_verdict_name(pair_verdict verdict); // "undecided" of the unjudged, too

typedef struct variant_pair {
    int a, b;                     // rows, a < b
    int seeds;                    // that have a score of both
    double difference, low, high; // score of b minus score of a: positive if a is better; NaN: unjudged
    double variance, freedom;     // of the differences, as used; NaN, 0: unjudged
    bool pooled;                  // the variance is
    double margin;                // of this pair, in the score's unit
    pair_verdict verdict;
} variant_pair;

// Scores of the rows of a table, [rows, seeds]; NaN: none.
typedef struct score_table {
    int rows, seeds;
    const double *scores;
} score_table;

typedef struct judgement {
    judgement_rules rules;
    variant_pair *pairs; // [pair_count] every a < b, by a, then by b
    int pair_count;
    int judged_rows; // in at least one judged pair
    bool pooled;     // some variance was pooled over more than the pair itself
    int best;        // the lowest mean of the judged rows; -1: no pair is judged
    bool *leads;     // [rows] the best, and those that cannot be told apart from it (equal or undecided)
} judgement;

// The c above; `rows` are those judged.
double critical_value(double error, int rows, bool pooled, double freedom);

// `out` lives in the arena.
sigmoe_status judge_scores(const score_table *t, const judgement_rules *rules, arena *a, judgement *out);

// Judges a comparison's scores of one kind. If an n-gram beats every variant, the pairs are undecided and none is best.
sigmoe_status judge(
    const comparison_result *c, const variant_summary *summaries, result_scores *of, judgement *out);
bool beaten_by_ngram(const comparison_result *c, const variant_summary *summaries, result_scores *of);

// The pair of two different rows; its difference and verdict are those of the lower row number.
const variant_pair *judgement_pair(const judgement *j, int rows, int row, int other);
// Whether someone who must choose cares: one of the two leads.
bool pair_matters(const judgement *j, const variant_pair *p);
// Whether the pair matters and is undecided.
bool pair_is_open(const judgement *j, const variant_pair *p);
int open_pairs(const judgement *j);
