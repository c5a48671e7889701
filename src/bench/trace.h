// A pool's timeline as a file that chrome://tracing and Perfetto show.
#pragma once

#include "base/timeline.h"

sigmoe_status trace_write(const timeline *t, const char *path);
