// Tokens that nanoGPT or Megatron-LM prepared as a data directory.
#pragma once

#include "base/status.h"

sigmoe_status import_data(const sigmoe_data_import_request *request);
