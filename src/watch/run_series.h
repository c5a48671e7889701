// What a run has written so far, from its logs: of each step and validation the numbers, of expert load and samples the newest.
#pragma once

#include "base/arena.h"
#include "watch/log_tail.h"

enum { STEP_COLUMNS = 5, VALID_COLUMNS = 7 };
enum { STEP_LOSS, STEP_REG, STEP_GRADIENT, STEP_LR, STEP_SPEED };
enum { VALID_NATS = 1, VALID_PERPLEXITY, VALID_BITS_PER_TOKEN, VALID_BITS_PER_CHAR };
extern const char *const step_columns[STEP_COLUMNS];   // "loss", ...: keys of metrics.jsonl
extern const char *const valid_columns[VALID_COLUMNS]; // "tokens", "nats_per_token", ...: of valid.jsonl

// Numbers of one kind, by step; NaN where there is none.
typedef struct series {
    int columns;
    int64_t count, room;
    int64_t *step;  // [count] ascending
    double *values; // [count, columns]
} series;
static inline double series_value(const series *s, int64_t index, int column) {
    return s->values[index * s->columns + column];
}

typedef struct expert_shares {
    int64_t step; // -1: nothing known
    int64_t layers, experts;
    double *share; // [layers, experts]
} expert_shares;

typedef struct run_series {
    char run[PATH_CAPACITY];
    log_tail metrics, valid, usage, samples;
    series steps, validations; // a validation's step is the number of steps done
    expert_shares load;        // experts 0: the model has none
    char *prompt, *sample;     // NULL: none
} run_series;

// Of a directory that has train.json.
sigmoe_status run_series_open(run_series *s, const char *run);
// Reads what was added since. `with_state`: expert load and samples are wanted, too.
sigmoe_status run_series_read(run_series *s, bool with_state);
void run_series_close(run_series *s); // harmless on a zeroed one
