// What a sigmoe_train_request asks for: a new run's model, or how a run is to be continued.
#pragma once

#include "train/resume.h"

// Checks what can be checked without files.
sigmoe_status train_request_check(const sigmoe_train_request *r);
// The model that the request describes, `init` being the directory that r->init resolves to. If the request names neither a
// configuration nor a model, its overrides change *config.
sigmoe_status train_request_config(const sigmoe_train_request *r, const char *init, sigmoe_config *config);
// Refuses what differs from the run and cannot be changed, by name, and puts into `state` the settings that may change.
sigmoe_status train_request_resume(const sigmoe_train_request *r, run_state *state);
