// Tokens in; logits, losses and gradients out, for checks against other implementations: the implementation of sigmoe_forward.
#pragma once

#include "base/status.h"

sigmoe_status forward_file(const sigmoe_forward_request *request, const sigmoe_observer *observer);
