// Reports at the start of a run which parts of a model its loss cannot teach.
#pragma once

#include "model/config.h"

// `who` precedes the sentence if there are several models; NULL: there is only one.
void note_unlearned(const model_config *config, const char *who, const sigmoe_observer *observer);
