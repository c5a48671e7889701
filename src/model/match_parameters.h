// Makes the sizes of different models equal: solves for the one free size of a feedforward variant that makes the totals agree.
#pragma once

#include "model/config.h"

// The option that is solved for: "d_ff" of dense and topk, "n_subkeys" of pkm. NULL for the others: a mixture of experts keeps
// its base's N_E·G instead.
const option *matched_option(const ff_variant *variant);

// Sets that option to the integer, at least 1, that brings the model's total nearest to `target` parameters; of two equally
// near, the lower. The rest of *config must be valid. Whether its options still fit together is not checked.
sigmoe_status match_parameters(int64_t target, model_config *config);
