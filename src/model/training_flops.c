#include "model/training_flops.h"

#include "model/size.h"

double training_flops_per_token(const model_config *config) {
    // A backward pass costs as much as two forward passes.
    return 2 * 3 * model_forward_multiply_adds(config, config->unroll, config->memory_train * config->unroll);
}
