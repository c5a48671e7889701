// Converts between the structs that callers fill in, which may come from an older or a newer header, and the library's own.
#pragma once

#include "base/status.h"

// Copies the caller's struct, which begins with its size, into *own, of own_size bytes. Members that the caller's header lacks
// become 0; members that the library lacks must be 0. `kind` ("request") and `defaults`, the function that sets the size, are
// for the error message.
sigmoe_status sized_read(
    void *own, size_t own_size, const void *given, const char *kind, const char *defaults);
// The inverse: copies as much of *own as fits in the caller's `size` bytes, fills the rest with 0, and sets the size.
void sized_fill(void *given, size_t size, const void *own, size_t own_size);

// Reads a request that sigmoe_<name>_defaults sets up into the struct `own`.
#define REQUEST_READ(own, given, name)                                                                       \
    sized_read(&(own), sizeof(own), given, "request", "sigmoe_" name "_defaults")

// Sets *own to the observer to use: NULL if the caller gave none, otherwise `space`, filled in.
sigmoe_status observer_read(
    const sigmoe_observer *given, sigmoe_observer *space, const sigmoe_observer **own);
