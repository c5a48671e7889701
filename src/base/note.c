#include "base/note.h"

#include <stdarg.h>
#include <stdio.h>

void note_format(const sigmoe_observer *observer, const char *format, ...) {
    if (!observer || !observer->note) return;
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    observer->note(observer->context, line);
}
