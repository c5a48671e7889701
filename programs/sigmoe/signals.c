#include "signals.h"

#include <signal.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static sigmoe_flag received, saves;
static volatile bool insisted; // asked to stop by someone, not by a terminal

// Only the first signal counts.
static void receive(int number) {
    int none = 0;
    atomic_compare_exchange_strong(&received, &none, number);
}

static void on_stop(int number) {
    if (insisted) _exit(128 + number);
    insisted = true;
    receive(number);
}

// A closing terminal sends SIGHUP up to three times, to the shell's children and to the foreground; a service manager sends it
// right after SIGTERM. Neither means that someone is impatient.
static void on_hangup(int number) {
    receive(number);
}

static void on_save(int number) {
    (void)number;
    sigmoe_flag_increment(&saves);
}

// Caught, not ignored: an ignored signal would stay ignored in child programs.
static void on_broken_pipe(int number) {
    (void)number;
}

// Signals are handled one at a time, in the order of arrival.
static void handle(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static bool is_ignored(int number) {
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

// On a separate stack: oneDNN's generated code keeps data below the stack pointer, where a frame would overwrite it.
void signals_catch(void) {
    static char stack[1 << 16];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    handle(SIGINT, on_stop);
    handle(SIGTERM, on_stop);
    if (!is_ignored(SIGHUP)) handle(SIGHUP, on_hangup); // as nohup requests
    handle(SIGUSR1, on_save);
    handle(SIGPIPE, on_broken_pipe);
}

const sigmoe_flag *stop_flag(void) {
    return &received;
}

const sigmoe_flag *save_count(void) {
    return &saves;
}

int signal_received(void) {
    return received;
}

void stop_unread(void) {
    receive(SIGPIPE);
}
