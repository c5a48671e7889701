// sigmoe_train_settings as a schema: defaults, ranges, JSON.
#pragma once

#include "base/option.h"
#include "base/status.h"

enum { SCORE_STREAMS = 4 };            // B whenever training and comparing score a model
enum { CHECKPOINT_SECONDS = 15 * 60 }; // default time between checkpoints

option_table train_settings_options(void);
sigmoe_train_settings train_settings_default(void);
// The name of the first setting that differs; NULL: none.
const char *train_settings_difference(const sigmoe_train_settings *a, const sigmoe_train_settings *b);
// Whether a resumed run may have another value of it than before.
bool train_settings_may_change(const char *name);
// Copies one setting; false if there is none of this name.
bool train_settings_take(sigmoe_train_settings *to, const sigmoe_train_settings *from, const char *name);
// Checks that every value is in range; the message names the setting.
sigmoe_status train_settings_check(const sigmoe_train_settings *settings);
sigmoe_status checkpoint_seconds_check(double seconds);
// Steps between validations: chosen so that every training has VALIDATIONS of them, or one per step if it has fewer steps.
enum { VALIDATIONS = 20 };
int64_t train_settings_valid_every(const sigmoe_train_settings *settings);
// If valid_every is -1, sets it, and sets valid_tokens if it is 0, according to the validation split's length.
void train_settings_plan_validations(sigmoe_train_settings *settings, int64_t unroll, int64_t split_tokens);
