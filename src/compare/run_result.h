// What came out of a run, and the files that keep it: result.json, once it is finished, and until then costs.json.
#pragma once

#include "train/trainer.h"

#include <jansson.h>

typedef struct run_result {
    const char *failure; // the sentence of a training that met NaN or infinity; NULL: all went well
    int64_t steps;
    sigmoe_scores valid, test;
    double seconds;                // of training steps alone
    quartiles tokens_per_second;   // over the steps
    quartiles feedforward_seconds; // of a step; NaN when not measured
    double peak_activation_bytes;
} run_result;

// result.json. What is read has its texts in the arena.
sigmoe_status run_result_write(const char *path, const run_result *r);
sigmoe_status run_result_read(const char *path, arena *a, run_result *r);
// costs.json: what was measured before an interruption; nothing, where the file is not there.
sigmoe_status run_costs_write(const char *path, const trainer_costs *costs);
sigmoe_status run_costs_read(const char *path, trainer_costs *costs);
// The scores as a JSON object, null where not known, and back.
sigmoe_status scores_to_json(const sigmoe_scores *scores, json_t **out);
sigmoe_status scores_from_json(const json_t *object, const char *path, sigmoe_scores *out);
