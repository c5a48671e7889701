#include "report.h"

#include "printable.h"
#include "signals.h"
#include "wording.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

void tell(const char *format, ...) {
    char line[1 << 14]; // several paths; nobody reads more
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    make_printable(line);
    fprintf(stderr, "%s\n", line);
}

int complain(int exit_status, const char *format, ...) {
    char sentence[1 << 13];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    tell("sigmoe: %s", sentence);
    return exit_status;
}

int complain_unread(void) {
    return complain(128 + SIGPIPE, "standard output is closed: nobody reads the result");
}

const char *plural(int64_t count) {
    return count == 1 ? "" : "s";
}

// Prints the library's error message.
static int complain_of_failure(int exit_status) {
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
