// What tells the data of a run or comparison from others, as it records them and compares them when it goes on.
#pragma once

#include "data/dataset.h"

#include <jansson.h>

// What identifies the data of a run: the member `splits` of meta.json, with the sums of train and valid where it lacks them. Owned
// by the caller.
sigmoe_status dataset_identity(const dataset *d, json_t **out);
// Removes from `now` the sums that `recorded`, both identities, does not have: a record of version 0.1.0 has none.
void dataset_identity_match(json_t *now, const json_t *recorded);
// Whether they are the same data, as far as `recorded` says; removes what it does not say from `now`.
bool dataset_identity_equal(json_t *now, const json_t *recorded);
