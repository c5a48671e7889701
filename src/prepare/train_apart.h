// Runs the SentencePiece trainer in a process of its own: once it has its sentences, it works for minutes or hours without
// calling back, and only a process can be stopped from outside at any time.
#pragma once

#include "prepare/train_sentencepiece.h"

// Like sentencepiece_train. Calls `waiting` with input->context several times a second while the trainer works; if it fails,
// the trainer is stopped and the failure returned. A process with several threads must not fork, since another thread may hold
// a lock that nobody would release in the child: then the trainer runs in this thread, and `waiting` is not called.
sigmoe_status train_apart(const sentencepiece_input *input, sigmoe_status (*waiting)(void *context),
    const char *name, int64_t vocab_size, const char *path);
