// What a trainer does together with the trainers of other processes (distribute/communicator.h): each has its sequences of the one
// batch, all have the same weights, and rank 0 alone writes and tells. All of it does nothing for a process alone.
#pragma once

#include "config/config_file.h"
#include "data/dataset.h"
#include "distribute/communicator.h"
#include "model/step.h"
#include "model/feedforward/statistics.h"

typedef struct team {
    communicator *link; // borrowed; NULL: alone
    batch_exchange exchange;
    // Of a run in progress: what this process is asked, and what all of them have agreed to be asked, which changes in team_agree
    // alone. So whatever depends on it happens in all of them at the same step.
    const sigmoe_observer *own;
    sigmoe_observer agreed;
    sigmoe_flag stop, save;
    bool checkpoint_due, time_is_up; // as rank 0's clock says
} team;

void team_join(team *t, communicator *link);
static inline bool team_leads(const team *t) {
    return communicator_rank(t->link) == 0;
}
// For a whole_batch; NULL alone.
const batch_exchange *team_exchange(const team *t);

// The observer for a run that is observed by `own`, which may be NULL.
const sigmoe_observer *team_observer(team *t, const sigmoe_observer *own);
sigmoe_status team_agree(team *t, bool checkpoint_due, bool time_is_up);

// Fails with a sentence where processes are about to train something else: another version, model, settings or data.
sigmoe_status team_compare(
    team *t, const sigmoe_config *config, const sigmoe_train_settings *settings, const dataset *data);

// Gradients, and counts of what blocks did, become those of the whole batch. Memory from `scratch` is given back.
sigmoe_status team_sum_gradients(team *t, parameter_list *list, arena *scratch);
sigmoe_status team_sum_statistics(team *t, ff_statistics *s, arena *scratch);
// Σ nats [count] over the whole batch; the place of the first rank that found a value that is not finite.
sigmoe_status team_sum_nats(
    team *t, const double *nats, int64_t count, model_place *not_finite, arena *scratch, double *sum);
