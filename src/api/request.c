#include "api/request.h"

#include <string.h>

enum { MOST = 1 << 16 }; // no header ever had a struct this large: the size was never set

static bool is_zero(const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (bytes[i]) return false;
    return true;
}

sigmoe_status sized_read(
    void *own, size_t own_size, const void *given, const char *kind, const char *defaults) {
    size_t size;
    if (!given) return fail(SIGMOE_BAD_ARGUMENT, "the %s is NULL: give one that %s set up", kind, defaults);
    memcpy(&size, given, sizeof size);
    if (size <= sizeof size || size > MOST)
        return fail(SIGMOE_BAD_ARGUMENT, "the %s's size is %zu: call %s first", kind, size, defaults);
    size_t common = size < own_size ? size : own_size;
    if (!is_zero((const char *)given + common, size - common))
        return fail(SIGMOE_BAD_ARGUMENT,
            "the %s sets a member that sigmoe %s does not know: leave it 0, or use a newer library", kind,
            SIGMOE_VERSION);
    memset(own, 0, own_size);
    memcpy(own, given, common);
    memcpy(own, &own_size, sizeof own_size);
    return SIGMOE_OK;
}

void sized_fill(void *given, size_t size, const void *own, size_t own_size) {
    if (size < sizeof size) return;
    size_t common = size < own_size ? size : own_size;
    memcpy(given, own, common);
    memset((char *)given + common, 0, size - common);
    memcpy(given, &size, sizeof size);
}

sigmoe_status observer_read(
    const sigmoe_observer *given, sigmoe_observer *space, const sigmoe_observer **own) {
    *own = given ? space : NULL;
    return given ? sized_read(space, sizeof *space, given, "observer", "sigmoe_observer_defaults")
                 : SIGMOE_OK;
}

void sigmoe_observer_defaults_sized(sigmoe_observer *observer, size_t size) {
    sized_fill(observer, size, &(sigmoe_observer){0}, sizeof *observer);
}
