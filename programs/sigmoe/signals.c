#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile int received;

static void on_signal(int number) {
    if (received) _exit(128 + number);
    received = number;
}

// On a stack of its own: oneDNN's generated code keeps data below the stack pointer, where a frame would overwrite it.
void signals_catch(void) {
    static char stack[1 << 16];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
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
