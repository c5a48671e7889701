// sigmoe_train_settings as a schema: defaults, ranges, JSON.
#pragma once

#include "base/option.h"
#include "base/status.h"

option_table train_settings_options(void);
sigmoe_train_settings train_settings_default(void);
// Every value in its range; the sentence names it.
sigmoe_status train_settings_check(const sigmoe_train_settings *settings);
