// The threads that layers compute with: one choice for the whole process, which the public functions make.
#pragma once

#include "base/threads.h"

// What one layer needs to compute with them.
typedef struct layer_threads {
    threads *lent; // the host's threads, or the calling one alone
    bool has_pool; // this layer's call has the library's own pool
} layer_threads;

sigmoe_status layer_threads_open(layer_threads *l);
void layer_threads_close(layer_threads *l); // harmless on a zeroed one

// Sets *out to what one call of the layer computes with, until layer_threads_end. The pool is made here if there is none yet;
// a call during another one's, which has the pool, gets the calling thread alone.
sigmoe_status layer_threads_begin(layer_threads *l, threads **out);
void layer_threads_end(layer_threads *l);
