// What a trainer does together with the trainers of other processes (distribute/communicator.h): each has its sequences of the one
// batch, all have the same weights, and rank 0 alone writes and tells. All of it does nothing for a process alone.
#pragma once

#include "config/config_file.h"
#include "data/dataset.h"
#include "model/step.h"
#include "model/feedforward/statistics.h"
#include "train/team_experts.h"

// What ranks must be asked alike, beside the run's settings: how they share work.
typedef struct team_sharing {
    int64_t
        zero; // 1: a rank has the moments of its shares of the tensors alone, and updates them alone; 0: all, everywhere
    sigmoe_dtype wire; // of gradients on their way: SIGMOE_F32 or SIGMOE_BF16
} team_sharing;
sigmoe_status team_sharing_check(const team_sharing *sharing);

typedef struct team {
    communicator *link; // borrowed; NULL: alone
    team_sharing sharing;
    batch_exchange exchange;
    team_experts experts; // of which each rank has a part where exchange.parts is above 1
    // Of a run in progress: what this process is asked, and what all of them have agreed to be asked, which changes in team_agree
    // alone. So whatever depends on it happens in all of them at the same step.
    const sigmoe_observer *own;
    sigmoe_observer agreed;
    sigmoe_flag stop, save;
    bool checkpoint_due, time_is_up; // as rank 0's clock says
} team;

// Each rank is to have one of `expert_parts` equal parts of each layer's experts.
void team_join(team *t, communicator *link, const team_sharing *sharing, int expert_parts);
static inline bool team_leads(const team *t) {
    return communicator_leads(t->link);
}
// For a whole_batch; NULL alone.
const batch_exchange *team_exchange(const team *t);
// For a transformer; NULL where each rank has all experts.
const expert_exchange *team_expert_exchange(const team *t);
// The ranks that have the same values of a tensor, parameter.held: they sum up its gradient.
rank_group team_group(const team *t, const parameter *p);
// A member's share of these values: what it sums up. Shares are equal, to a value.
tensor_range team_share_of(const team *t, const parameter *p, int member);
tensor_range team_share(const team *t, const parameter *p); // this process's

// The observer for a run that is observed by `own`, which may be NULL.
const sigmoe_observer *team_observer(team *t, const sigmoe_observer *own);
sigmoe_status team_agree(team *t, bool checkpoint_due, bool time_is_up);

// Fails with a sentence where processes are about to train something else: another version, model, settings or data.
sigmoe_status team_compare(
    team *t, const sigmoe_config *config, const sigmoe_train_settings *settings, const dataset *data);

// Counts of what blocks did become those of the whole batch. Memory from `scratch` is given back.
sigmoe_status team_sum_statistics(team *t, ff_statistics *s, arena *scratch);
// Σ nats [count] over the whole batch; the place of the first rank that found a value that is not finite.
sigmoe_status team_sum_nats(
    team *t, const double *nats, int64_t count, model_place *not_finite, arena *scratch, double *sum);
