// How well counting predicts each split: a first look at prepared data, and whether its splits are alike.
#pragma once

#include "base/status.h"

// Counts bigrams and trigrams of the train split of a prepared DIRECTORY, scores all splits by them, and adds the scores to its
// meta.json as "ngram". All of it on samples of bounded size, from all over the splits; train is scored where it was not counted.
// Notes when splits differ widely.
sigmoe_status split_scores_add(const char *directory, const sigmoe_observer *observer);
