// Scores a model directory on a prepared data set: the implementation of sigmoe_evaluate.
#pragma once

#include "base/status.h"

sigmoe_status score_model(
    const sigmoe_eval_request *request, const sigmoe_observer *observer, sigmoe_scores *scores);
