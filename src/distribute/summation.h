// A sum over a group of ranks that is made while the process does something else. Each member has a part of the values: it gets that
// part of all others, adds them up in the ranks' order, and gives the sum back. Either half can be left out.
//
//   summation_begin -> summation_look ... until it waits for no rank -> summation_end
//
// Several may be under way, in the same order in all members: they begin, and are looked after, one after the other. Calls come from
// one thread.
#pragma once

#include "base/arena.h"
#include "base/real.h"
#include "distribute/communicator.h"

// Some of the values, and whose they are.
typedef struct sum_part {
    void *values;  // real; where nothing is added, bytes of any kind
    int64_t count; // of these, at most TRANSPORT_MOST bytes
} sum_part;

typedef struct sum_call {
    rank_group group;
    const sum_part *parts; // [members]; they, and their values, are borrowed until the summation ends
    bool adds;             // a member's own part becomes the sum; otherwise it has what is to be spread
    bool spreads;          // the other parts become what their members have; otherwise they keep their values
    bool rounded;          // to bf16 when sent, where it adds; a sum then is rounded everywhere
} sum_call;

typedef struct summation summation;

// In the arena, which must not be released before the end.
sigmoe_status summation_begin(communicator *c, const sum_call *call, arena *a, summation **out);
// Goes on as far as it can. *waits_for is a rank that something is to come from, or go to, or -1: it is done. `turn`: those begun before
// have made their sums.
sigmoe_status summation_look(summation *s, bool turn, int *waits_for);
// Whether its sum is made, if it makes one.
bool summation_has_added(const summation *s);
void summation_abandon(summation *s); // as exchange_abandon
// `status` as in exchange_end.
sigmoe_status summation_end(summation *s, sigmoe_status status);
