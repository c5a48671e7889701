// Prepared data as nanoGPT or Megatron-LM read them.
#pragma once

#include "base/status.h"

sigmoe_status export_data(const sigmoe_data_export_request *request);
