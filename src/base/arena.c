#include "base/arena.h"

#include "base/round_up.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
enum { REDZONE = 64 };
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { REDZONE = 0 };
#endif

enum { ALIGNMENT = 64, SMALLEST_CHUNK = 1 << 16, HUGE_PAGE = 1 << 21 };

// Chunks form a stack with the newest on top; a mark is a chunk and its fill level.
typedef struct chunk {
    struct chunk *below;
    size_t capacity; // bytes after the header
    size_t used;
    unsigned char *bytes;
} chunk;

struct arena {
    const char *name;
    chunk *top;
    chunk *spare; // an empty chunk that held all of the last round: kept, since the next round needs it again
    size_t total;
    size_t peak;
    size_t largest; // like the peak, but never reset
};

static int64_t successes_left = -1;

void arena_fail_after(int64_t successes) {
    __atomic_store_n(&successes_left, successes, __ATOMIC_RELAXED);
}

static bool injected_fault(void) {
    static bool asked;
    if (!asked) {
        asked = true;
        const char *text = getenv("SIGMOE_FAIL_ALLOCATION");
        if (text) arena_fail_after(strtoll(text, NULL, 10));
    }
    int64_t left = __atomic_load_n(&successes_left, __ATOMIC_RELAXED);
    if (left < 0) return false;
    __atomic_store_n(&successes_left, left - 1, __ATOMIC_RELAXED);
    return left == 0;
}

bool size_product(int64_t *product, int64_t a, int64_t b) {
    return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, product);
}

sigmoe_status arena_create(const char *name, arena **out) {
    arena *a = injected_fault() ? NULL : calloc(1, sizeof *a);
    if (!a) return fail(SIGMOE_NO_MEMORY, "no memory for the %s arena", name);
    a->name = name;
    *out = a;
    return SIGMOE_OK;
}

static void chunk_free(chunk *c) {
    if (!c) return;
    ASAN_UNPOISON_MEMORY_REGION(c->bytes, c->capacity);
    free(c->bytes);
    free(c);
}

void arena_destroy(arena *a) {
    if (!a) return;
    while (a->top) {
        chunk *below = a->top->below;
        chunk_free(a->top);
        a->top = below;
    }
    chunk_free(a->spare);
    free(a);
}

static chunk *chunk_new(const arena *a, size_t need) {
    // Whatever was needed before will be needed again: repeated work ends up with one chunk of exactly the right size. Until
    // then, chunks grow geometrically, so that their number is logarithmic in the total size.
    size_t capacity = need, known = a->largest - a->total, growth = a->total / 2;
    if (capacity < known) capacity = known;
    if (capacity < growth) capacity = growth;
    if (capacity < SMALLEST_CHUNK) capacity = SMALLEST_CHUNK;
    if (capacity > INT64_MAX - HUGE_PAGE) return NULL;
    size_t alignment = capacity >= HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    capacity = (size_t)round_up((int64_t)capacity, (int64_t)alignment);
    chunk *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->bytes = aligned_alloc(alignment, capacity);
    if (!c->bytes) {
        free(c);
        return NULL;
    }
    if (alignment == HUGE_PAGE) madvise(c->bytes, capacity, MADV_HUGEPAGE); // a hint: failure is harmless
    c->capacity = capacity;
    ASAN_POISON_MEMORY_REGION(c->bytes, capacity);
    return c;
}

static bool push_chunk(arena *a, size_t need) {
    chunk *c = a->spare;
    a->spare = NULL;
    if (!c || c->capacity < need) {
        chunk_free(c);
        c = chunk_new(a, need);
        if (!c) return false;
    }
    c->used = 0;
    c->below = a->top;
    a->top = c;
    return true;
}

sigmoe_status arena_reserve(arena *a, size_t bytes) {
    if (a->top && a->top->capacity - a->top->used >= bytes) return SIGMOE_OK;
    if (a->spare && a->spare->capacity >= bytes) return SIGMOE_OK;
    chunk_free(a->spare);
    a->spare = injected_fault() ? NULL : chunk_new(a, bytes);
    if (a->spare) return SIGMOE_OK;
    return fail(
        SIGMOE_NO_MEMORY, "no memory: the %s arena needs %zu bytes beyond %zu", a->name, bytes, a->total);
}

void *arena_take_raw(arena *a, size_t count, size_t size) {
    size_t bytes, need;
    bool fits = !__builtin_mul_overflow(count, size, &bytes) &&
                !__builtin_add_overflow(bytes, ALIGNMENT - 1 + REDZONE, &need);
    if (fits) need = need / ALIGNMENT * ALIGNMENT;
    if (fits && need == 0) need = ALIGNMENT;
    if (!fits || injected_fault() ||
        ((!a->top || a->top->capacity - a->top->used < need) && !push_chunk(a, need))) {
        fail(SIGMOE_NO_MEMORY, "no memory: the %s arena needs %zu x %zu bytes beyond %zu", a->name, count,
            size, a->total);
        return NULL;
    }
    unsigned char *start = a->top->bytes + a->top->used;
    a->top->used += need;
    a->total += need;
    if (a->total > a->peak) a->peak = a->total;
    if (a->total > a->largest) a->largest = a->total;
    ASAN_UNPOISON_MEMORY_REGION(start, bytes);
    return start;
}

void *arena_take(arena *a, size_t count, size_t size) {
    void *start = arena_take_raw(a, count, size);
    if (start) memset(start, 0, count * size);
    return start;
}

void *arena_create_around(const char *name, size_t size, arena **out) {
    arena *a = NULL;
    if (arena_create(name, &a) != SIGMOE_OK) return NULL;
    void *object = arena_take(a, 1, size);
    if (object)
        *out = a;
    else
        arena_destroy(a);
    return object;
}

char *arena_text(arena *a, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : arena_take_raw(a, (size_t)length + 1, 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

arena_mark arena_here(const arena *a) {
    return (arena_mark){.chunk = a->top, .used = a->top ? a->top->used : 0, .total = a->total};
}

void arena_release(arena *a, arena_mark mark) {
    bool single = a->top != mark.chunk && a->top->below == mark.chunk && !a->spare;
    if (single) {
        a->spare = a->top;
        a->top = mark.chunk;
        ASAN_POISON_MEMORY_REGION(a->spare->bytes, a->spare->capacity);
    } else if (a->top != mark.chunk) {
        // There are several chunks (counting the spare one); the next request replaces them with a single chunk of their total
        // size.
        chunk_free(a->spare);
        a->spare = NULL;
    }
    while (a->top != mark.chunk) {
        chunk *c = a->top;
        a->top = c->below;
        chunk_free(c);
    }
    if (a->top) {
        a->top->used = mark.used;
        ASAN_POISON_MEMORY_REGION(a->top->bytes + mark.used, a->top->capacity - mark.used);
    }
    a->total = mark.total;
}

size_t arena_bytes(const arena *a) {
    return a->total;
}
size_t arena_peak_bytes(const arena *a) {
    return a->peak;
}
void arena_reset_peak(arena *a) {
    a->peak = a->total;
}
