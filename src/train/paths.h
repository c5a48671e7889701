// Paths of run and model directories.
#pragma once

#include "formats/file.h"

// `name` without slashes at its end, so that "<path>.partial" stands beside it. "/" stays.
sigmoe_status path_trimmed(char path[PATH_CAPACITY], const char *name);
