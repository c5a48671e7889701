// sigmoe_train_settings as a schema: defaults, ranges, JSON.
#pragma once

#include "base/option.h"
#include "base/status.h"

option_table train_settings_options(void);
sigmoe_train_settings train_settings_default(void);
// The name of the first setting in which the two differ; NULL: none.
const char *train_settings_difference(const sigmoe_train_settings *a, const sigmoe_train_settings *b);
// Every value in its range; the sentence names it.
sigmoe_status train_settings_check(const sigmoe_train_settings *settings);
