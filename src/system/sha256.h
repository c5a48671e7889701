// SHA-256 by nettle, with the result as hexadecimal text.
#pragma once

#include "base/status.h"

#include <nettle/sha2.h>

enum { SHA256_HEX = 2 * SHA256_DIGEST_SIZE + 1 };

// For a state of nettle's sha256_init and sha256_update: writes 64 lower-case digits and a 0, and resets the state.
void sha256_hex(struct sha256_ctx *state, char hex[SHA256_HEX]);
sigmoe_status sha256_file(const char *path, char hex[SHA256_HEX]);
