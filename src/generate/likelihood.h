// How probable a model finds texts: the implementation of sigmoe_likelihoods.
#pragma once

#include "data/text_codec.h"
#include "model/decoder.h"

typedef struct likelihood_judge {
    transformer *model;
    const workspace *work;
    const text_codec *codec;
} likelihood_judge;

// results [count].
sigmoe_status likelihoods_of(const likelihood_judge *judge, const sigmoe_likelihood_request *request,
    const sigmoe_observer *observer, sigmoe_likelihood *results);
