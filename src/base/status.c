#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char message[MESSAGE_CAPACITY];

const char *sigmoe_message(void) {
    return message;
}

const char *plural(int64_t count) {
    return count == 1 ? "" : "s";
}

// Whatever stands in the sentence, it can be shown (base/printable.h). It is made whole first, so that what follows a very long
// word is not lost with it, and apart, since it may quote the message that it replaces.
static void record(const char *format, va_list arguments) {
    char *whole = NULL, part[sizeof message];
    va_list again;
    va_copy(again, arguments);
    if (vasprintf(&whole, format, arguments) < 0) { // no memory
        whole = NULL;
        vsnprintf(part, sizeof part, format, again);
    }
    va_end(again);
    sigmoe_printable(whole ? whole : part, message, sizeof message);
    free(whole);
}

// Text that does not fit is cut off: nobody reads a message that long to its end.
static void append(const char *text) {
    size_t used = strlen(message), length = strlen(text), room = sizeof message - 1 - used;
    if (length > room) length = room;
    memcpy(message + used, text, length);
    message[used + length] = 0;
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
    append(": ");
    append(strerror(saved));
    if (saved == EFBIG) append("; ulimit -f, or the file system, limits the size of a file");
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
    append(": ");
    append(inner);
    return code;
}

kept_failure failure_keep(sigmoe_status status) {
    kept_failure kept = {.status = status};
    memcpy(kept.sentence, message, strlen(message));
    return kept;
}

sigmoe_status failure_again(const kept_failure *kept) {
    memcpy(message, kept->sentence, sizeof message);
    return kept->status;
}
