#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];

const char *sigmoe_message(void) {
    return message;
}

static void record(const char *format, va_list arguments) {
    // The new sentence may quote the old one (fail_in does), so it is built aside.
    char built[sizeof message];
    vsnprintf(built, sizeof built, format, arguments);
    memcpy(message, built, sizeof message);
}

sigmoe_status fail(sigmoe_status code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(format, arguments);
    va_end(arguments);
    return code;
}

sigmoe_status fail_errno(const char *format, ...) {
    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    record(format, arguments);
    va_end(arguments);
    size_t used = strlen(message);
    snprintf(message + used, sizeof message - used, ": %s", strerror(saved));
    errno = saved;
    return SIGMOE_IO;
}

sigmoe_status fail_in(sigmoe_status code, const char *context_format, ...) {
    char inner[sizeof message];
    memcpy(inner, message, sizeof inner);
    va_list arguments;
    va_start(arguments, context_format);
    record(context_format, arguments);
    va_end(arguments);
    size_t used = strlen(message);
    snprintf(message + used, sizeof message - used, ": %s", inner);
    return code;
}
