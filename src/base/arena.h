// The only allocator. An arena hands out zeroed, 64-byte-aligned memory in stack order and releases it all at once, or back to
// a mark. Under AddressSanitizer, a redzone follows every allocation and released memory is poisoned.
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct arena arena;

// A state to return to; valid until the arena is released to an earlier mark.
typedef struct arena_mark {
    void *chunk;
    size_t used;
    size_t total;
} arena_mark;

// `name` (a string constant) appears in the out-of-memory message.
sigmoe_status arena_create(const char *name, arena **out);
void arena_destroy(arena *a); // NULL is allowed

// `count * size` zeroed bytes, 64-byte-aligned. On failure (out of memory, overflow of the product, injected fault) records a
// message and returns NULL; use through ARENA_NEW. Not thread-safe: one arena, one thread. count 0 gives a valid pointer.
void *arena_take(arena *a, size_t count, size_t size);
// Like arena_take, but the contents are undefined: for buffers that are fully overwritten.
void *arena_take_raw(arena *a, size_t count, size_t size);
char *arena_text(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Reserves one chunk for the next allocations, `bytes` in total, so that work that knows its needs does not start with growing
// chunks. Costs nothing until it is used, and does nothing if that much is available.
sigmoe_status arena_reserve(arena *a, size_t bytes);

arena_mark arena_here(const arena *a);
void arena_release(arena *a, arena_mark mark);
size_t arena_bytes(const arena *a);      // handed out now
size_t arena_peak_bytes(const arena *a); // most ever handed out at once
void arena_reset_peak(arena *a);

// Use as TRY(ARENA_NEW(a, pointer, count)); the pointer determines the element size.
#define ARENA_NEW(a, pointer, count)                                                                         \
    (((pointer) = arena_take((a), (size_t)(count), sizeof *(pointer))) ? SIGMOE_OK : SIGMOE_NO_MEMORY)
#define ARENA_NEW_RAW(a, pointer, count)                                                                     \
    (((pointer) = arena_take_raw((a), (size_t)(count), sizeof *(pointer))) ? SIGMOE_OK : SIGMOE_NO_MEMORY)

// TRY(ARENA_AROUND(name, a, pointer)): a new arena and in it, zeroed, the object that is to own it.
void *arena_create_around(const char *name, size_t size, arena **out);
#define ARENA_AROUND(name, a, pointer)                                                                       \
    (((pointer) = arena_create_around((name), sizeof *(pointer), &(a))) ? SIGMOE_OK : SIGMOE_NO_MEMORY)

// Fault injection for tests: the allocation after `successes` further ones fails, and only that one; negative: never.
// The environment's SIGMOE_FAIL_ALLOCATION=n sets it at the first allocation of the process.
void arena_fail_after(int64_t successes);

// Multiplies sizes that come from outside: false if the result overflows int64_t or is negative.
bool size_product(int64_t *product, int64_t a, int64_t b);
