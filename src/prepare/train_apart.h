// The SentencePiece trainer in a process of its own: once it has its sentences it works for minutes or hours without asking
// anybody, and only a process can be ended from outside at any time.
#pragma once

#include "prepare/train_sentencepiece.h"

// As sentencepiece_train. `waiting` is called with input->context several times a second while the trainer works; its failure
// ends the trainer, and is returned. A process with several threads must not be doubled, for another one may hold a lock at
// that moment that nobody would release: there the trainer runs in this thread, and does not call `waiting`.
sigmoe_status train_apart(const sentencepiece_input *input, sigmoe_status (*waiting)(void *context),
    const char *name, int64_t vocab_size, const char *path);
