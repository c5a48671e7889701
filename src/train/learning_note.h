// Says at the start of a run what of a model its loss cannot teach.
#pragma once

#include "model/config.h"

// `who` goes before the sentence, where there are several models; NULL: there is one.
void note_unlearned(const model_config *config, const char *who, const sigmoe_observer *observer);
