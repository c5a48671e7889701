// The structs that callers fill in may be those of an older header, or of a newer one: what stands between them and the
// library's own.
#pragma once

#include "base/status.h"

// Copies the caller's struct, which begins with its size, into *own, of own_size bytes. What the caller's header did not know
// yet becomes 0; what the library does not know must be 0. `kind` ("request") and `defaults`, the function that sets the size,
// are for the sentence.
sigmoe_status sized_read(
    void *own, size_t own_size, const void *given, const char *kind, const char *defaults);
// The other way round: as much of *own as the caller's `size` bytes hold, 0 behind it, and the size.
void sized_fill(void *given, size_t size, const void *own, size_t own_size);

// Into the struct `own`, of a request that sigmoe_<name>_defaults sets up.
#define REQUEST_READ(own, given, name)                                                                       \
    sized_read(&(own), sizeof(own), given, "request", "sigmoe_" name "_defaults")

// *own becomes the observer to work with: NULL where the caller gave none, else `space`, filled.
sigmoe_status observer_read(
    const sigmoe_observer *given, sigmoe_observer *space, const sigmoe_observer **own);
