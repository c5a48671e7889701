// What a command is about to do, told to the observer in aligned lines before it begins.
#pragma once

#include "data/dataset.h"
#include "model/config.h"
#include "train/resume.h"

// A line: what it is about ("data"), and the rest, in one column.
void banner_line(const sigmoe_observer *observer, const char *about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// A model's size, after `name`: "" or with ", " behind it; and what its blocks are.
void banner_model(
    const sigmoe_observer *observer, const char *about, const char *name, const model_config *model);
void banner_block(const sigmoe_observer *observer, const model_config *model);
void banner_data(const sigmoe_observer *observer, const dataset *data, const char *split);
// The steps of one run and its learning rate.
void banner_steps(const sigmoe_observer *observer, const sigmoe_train_settings *settings, int64_t unroll,
    const dataset *data);
// Threads and precision, after `first`: "" or with ", " behind it.
void banner_compute(const sigmoe_observer *observer, const char *first, sigmoe_dtype operands);
// Where results go, and how often checkpoints do.
void banner_output(const sigmoe_observer *observer, const char *out, const sigmoe_train_settings *settings,
    double checkpoint_seconds);

// After a training by several ranks: how far sums of gradients were hidden behind backward passes.
void banner_sums(const trainer *t, const sigmoe_observer *observer);
// All of these of a trainer's run, from its settings.
void banner_train(const trainer *t, const sigmoe_observer *observer);
// That a run is resumed, what changed from its settings `before`, and how its learning rate jumps.
void banner_resume(const trainer *t, const sigmoe_train_settings *before, const sigmoe_observer *observer);
