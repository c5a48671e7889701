// Equal sizes for unlike models: the one free size of a feedforward variant, solved so that the totals agree.
#pragma once

#include "model/config.h"

// The option that matching solves: "d_ff" of dense and topk, "n_subkeys" of pkm. NULL for the others: a mixture of experts
// keeps its base's N_E·G instead.
const option *matched_option(const ff_variant *variant);

// Sets that option to the integer, at least 1, that brings the model's total nearest to `target` parameters; of two
// equally near the lower. The rest of *config must be right; whether its options still fit together is not checked.
sigmoe_status match_parameters(int64_t target, model_config *config);
