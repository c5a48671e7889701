// sigmoe_train_settings as a schema: defaults, ranges, JSON.
#pragma once

#include "base/option.h"
#include "base/status.h"

enum { SCORE_STREAMS = 4 };            // B wherever training and comparing score a model
enum { CHECKPOINT_SECONDS = 15 * 60 }; // between checkpoints, unless they are asked for otherwise

option_table train_settings_options(void);
sigmoe_train_settings train_settings_default(void);
// The name of the first setting in which the two differ; NULL: none.
const char *train_settings_difference(const sigmoe_train_settings *a, const sigmoe_train_settings *b);
// Every value in its range; the sentence names it.
sigmoe_status train_settings_check(const sigmoe_train_settings *settings);
sigmoe_status checkpoint_seconds_check(double seconds);
// Steps between validations, so that a training of any length has VALIDATIONS of them, or one at each of fewer steps.
enum { VALIDATIONS = 20 };
int64_t train_settings_valid_every(const sigmoe_train_settings *settings);
// Fills in what valid_every -1 leaves open: that, and valid_tokens where it is 0, by the validation split's length.
void train_settings_plan_validations(sigmoe_train_settings *settings, int64_t unroll, int64_t split_tokens);
