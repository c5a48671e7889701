#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile int received;

static void on_signal(int number) {
    if (received) _exit(128 + number);
    received = number;
}

void signals_catch(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

const volatile int *stop_flag(void) {
    return &received;
}

int signal_received(void) {
    return received;
}
