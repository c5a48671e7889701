// The colours of the models, which are those of their variants in every other page.
#pragma once

#include "analyze/analysis.h"

// Sets a->names and a->styles, once the models are measured.
sigmoe_status analysis_style(analysis *a);
