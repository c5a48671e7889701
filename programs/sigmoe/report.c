#include "report.h"

#include "signals.h"
#include "wording.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void print_line(const char *beginning, const char *format, va_list arguments) {
    char *whole = NULL, part[1 << 10], line[1 << 14]; // several paths; nobody reads more
    va_list again;
    va_copy(again, arguments);
    if (vasprintf(&whole, format, arguments) < 0) { // no memory
        whole = NULL;
        vsnprintf(part, sizeof part, format, again);
    }
    va_end(again);
    sigmoe_printable(whole ? whole : part, line, sizeof line);
    fprintf(stderr, "%s%s\n", beginning, line);
    free(whole);
}

void tell(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_line("", format, arguments);
    va_end(arguments);
}

int complain(int exit_status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_line("sigmoe: ", format, arguments);
    va_end(arguments);
    return exit_status;
}

int complain_unread(void) {
    return complain(128 + SIGPIPE, "standard output is closed: nobody reads the result");
}

const char *plural(int64_t count) {
    return count == 1 ? "" : "s";
}

// Prints the library's error message, unless another process of the same training does.
static int complain_of_failure(int exit_status) {
    if (!sigmoe_speaks()) return exit_status;
    char sentence[1 << 12];
    reword(sigmoe_message(), sentence, sizeof sentence);
    return complain(exit_status, "%s", sentence);
}

int report(sigmoe_status status) {
    switch (status) {
    case SIGMOE_OK:
        return EXIT_FINE;
    case SIGMOE_BAD_ARGUMENT:
        return complain_of_failure(EXIT_USAGE);
    case SIGMOE_INTERRUPTED:
        if (signal_received() == SIGPIPE) return complain_unread();
        // As a shell reports the signal; 130 also if the library stopped for another reason.
        return complain_of_failure(signal_received() ? 128 + signal_received() : 130);
    default:
        return complain_of_failure(EXIT_FAILED);
    }
}
