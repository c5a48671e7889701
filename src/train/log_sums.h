// RUN/logs.json: how much of each log there was when each checkpoint was written, and its sum. Not in the checkpoint itself, since
// the logs tell times, and the same training leaves the same checkpoints.
#pragma once

#include "base/status.h"

#include <jansson.h>

// Adds those of the checkpoint that is about to be written in `directory`, and forgets those of checkpoints that are gone. Takes
// over `sums`, what run_log_sums made, even on failure.
sigmoe_status log_sums_write(const char *run, const char *directory, json_t *sums);
// Those of a checkpoint, the caller's to release; NULL for one of version 0.1.0, which had none. Missing or damaged ones are an
// error.
sigmoe_status log_sums_read(const char *run, const char *directory, json_t **sums);
