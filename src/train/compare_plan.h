// What a comparison compares: every variant's model, checked and sized before anything is trained.
#pragma once

#include "train/compare_curves.h"
#include "train/compare_run.h"
#include "train/compare_variant.h"

#include <jansson.h>

typedef struct compared_variant {
    const char *label; // as asked for: "topk:k=64"
    const comparison_row *row;
    sigmoe_config config; // with the data's vocabulary and the solved size
    int64_t parameters;
    int seeds;          // trained from the first so many; a sweep's rows can differ in it
    double flops_share; // FF multiply-adds over those of a dense block with the base's N_E·G channels
    double
        published; // the paper's score for this very row and base, a sweep's also from before its overrides; NaN: none
} compared_variant;

// One training of a comparison.
typedef struct planned_run {
    int variant, seed;
} planned_run;

// Of forecast.h. Work is in operations a token.
typedef struct forecast {
    double started;    // by the clock
    double work, done; // of the runs that this process trains, and of those that have ended
} forecast;

typedef struct comparison {
    const sigmoe_compare_request *request;
    const struct sweep_plan *sweep;  // NULL: a comparison of the user's own
    int jobs;                        // runs at a time
    const sigmoe_observer *observer; // may be NULL
    forecast forecast;
    arena *arena; // all that follows lives here
    dataset data;
    sigmoe_config base; // with the data's vocabulary
    int64_t base_parameters;
    bool bits; // scores are bits per character, else perplexity
    compared_variant *variants;
    int variant_count, seed_count; // seeds: the most that a variant has
    // [run_count] All variants of a seed before the next seed: what is there after an interruption can be compared.
    planned_run *runs;
    int run_count;
    run_result *results; // [variants, seeds], those of a variant's own seeds filled
    run_curve *curves;   // [variants, seeds], alike
    bool has_ngram;
    sigmoe_scores ngram_curve;             // on the tokens of the validations in training
    sigmoe_scores ngram_valid, ngram_test; // on those of the final scores
} comparison;

// Fills everything up to run_count. Variants that are the same model are an error; of a sweep the later one is left out,
// with a note. Errors in the base, the variants, the settings and the data are found here.
sigmoe_status comparison_plan(comparison *c);

// compare.json's contents: the settings that a resume must repeat. The caller's to release.
sigmoe_status comparison_record(const comparison *c, json_t **out);
// A sentence naming the first setting in which two records differ; the place, `out`, is named, too.
sigmoe_status comparison_same(const char *out, const json_t *before, const json_t *now);

// Whether some variants have fewer seeds than others.
bool comparison_is_uneven(const comparison *c);
uint64_t comparison_seed(const comparison *c, int seed);
// OUT/runs/<variant>-seed<k>; a variant's colons become commas. A sweep from one seed leaves that away.
sigmoe_status comparison_run_path(const comparison *c, int variant, int seed, char path[]);
const run_result *comparison_result(const comparison *c, int variant, int seed);
const run_curve *comparison_curve(const comparison *c, int variant, int seed);

// What scores are called and how they are read from a set of scores.
const char *comparison_unit(const comparison *c); // "bits/char", "perplexity"
double comparison_score(const comparison *c, const sigmoe_scores *scores);
double comparison_point_score(const comparison *c, const validation_point *point);
