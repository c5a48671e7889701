// A configuration as a reader sees it: the JSON of config.json, without the list of bytes, which are the data's.
#pragma once

#include "config/config_file.h"

#include <stdio.h>

sigmoe_status configuration_print(FILE *out, const sigmoe_config *config);
