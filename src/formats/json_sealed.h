// JSON files that know when they were changed: their last member, "sha256", is the SHA-256 of all lines before it.
#pragma once

#include <jansson.h>

#include "base/status.h"

// Writes `object`, which has members, but no "sha256": under a temporary name, fsynced, renamed.
sigmoe_status json_write_sealed(const char *path, const json_t *object);
// Writes what was `filled`, and releases it in any case; returns what failed first.
sigmoe_status json_save_sealed(sigmoe_status filled, const char *path, json_t *root);
// Reads an object and checks its seal; the result has no member "sha256". A file without a seal is read as it is, unless it has
// the member `sealed`, which all sealed files of its kind have. If a byte is another than it was, or this is no JSON, the message
// ends with `remedy`: what to do. Free with json_decref.
sigmoe_status json_read_sealed(const char *path, const char *sealed, const char *remedy, json_t **out);
