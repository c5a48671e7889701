// The result of a run and its files: result.json when it is finished, costs.json until then.
#pragma once

#include "train/trainer.h"

#include <jansson.h>

typedef struct run_result {
    bool pending;        // not trained to its end yet: nothing below is known
    const char *failure; // error message of a training that met NaN or infinity; NULL: none
    int64_t steps;
    sigmoe_scores valid, test;
    double seconds;                // of training steps only
    quartiles tokens_per_second;   // over the steps
    quartiles feedforward_seconds; // of a step; NaN if not measured
    double peak_activation_bytes;
    const char *sample_prompt, *sample; // a text, and what the model made of it; NULL: none was wanted
} run_result;

// Of a run that is not trained yet.
extern const run_result run_result_unknown;

// result.json. Texts are read into the arena.
sigmoe_status run_result_write(const char *path, const run_result *r);
sigmoe_status run_result_read(const char *path, arena *a, run_result *r);
// costs.json: measurements from before an interruption; empty if there is no file.
sigmoe_status run_costs_write(const char *path, const trainer_costs *costs);
sigmoe_status run_costs_read(const char *path, trainer_costs *costs);
// The scores as a JSON object, null if unknown, and back.
sigmoe_status scores_to_json(const sigmoe_scores *scores, json_t **out);
sigmoe_status scores_from_json(const json_t *object, const char *path, sigmoe_scores *out);
