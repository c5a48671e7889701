// What TensorBoard shows of a run. A step of it is a number of steps done: that of metrics.jsonl and 1.
#pragma once

#include "formats/event_file.h"
#include "model/feedforward/statistics.h"
#include "train/step_report.h"

sigmoe_status run_events_step(event_file *f, const step_report *report);
sigmoe_status run_events_usage(event_file *f, int64_t step, const ff_statistics *s);
sigmoe_status run_events_validation(event_file *f, int64_t steps_done, const sigmoe_scores *scores);
