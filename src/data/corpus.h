// The corpora that `prepare` knows: one file each, one line each in corpora.inc.
#pragma once

#include "base/status.h"

typedef struct corpus_request {
    const char *const *inputs;
    int input_count;
    const char *directory; // exists; takes the shards and meta.json, and vanishes if preparing fails
    const char *download;  // how paths, outside of `directory`, of what a later try may resume begin
    const sigmoe_observer *observer;
} corpus_request;

typedef struct corpus {
    const char *name;
    const char *help; // what it takes, in one line
    sigmoe_status (*prepare)(const corpus_request *request);
} corpus;

#define CORPUS(name, function, help) sigmoe_status function(const corpus_request *request);
#include "data/corpora.inc"
#undef CORPUS

int corpus_count(void);
const corpus *corpus_at(int index);
