// Watches system calls without any privilege: a seccomp filter hands each chosen call to us before the kernel looks at it
// (SECCOMP_RET_USER_NOTIF). So the calls that the C library makes inside, as stdio's writes are, are seen as well as those
// of children, and of what they execute. Needs Linux 5.5 on x86-64.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct watched_call {
    int number; // SYS_write, ...
    uint64_t arguments[6];
    pid_t thread; // that waits for the answer
    bool ours;    // a thread of this process: it shares its descriptors with whoever answers
} watched_call;

typedef struct watch_answer {
    bool proceed;   // the kernel does what was asked
    int64_t result; // else: what the caller gets, -errno for a failure
} watch_answer;

// Answers a call while its caller waits, who may hold any lock, malloc's too: use no malloc and no stdio.
typedef watch_answer watch_decide(const watched_call *call);

// From here on `decide` answers the calls `numbers` of the calling thread, of the threads that it starts from now on and of
// all their children; it is never undone. Once in a process, before it has other threads that should be watched.
// NULL, or why the system does not allow it; then nothing has changed but that the process may gain no privileges.
const char *watch_calls(const int *numbers, size_t count, watch_decide *decide);

// Runs a command whose calls, and those of its children, `decide` answers until it ends. NULL and its exit status, as a
// shell has it, or why the system does not allow it.
const char *watch_command(
    const int *numbers, size_t count, watch_decide *decide, char *const *command, int *status);

// Up to `size` bytes at `address` of the caller, out of it or into it; how many.
size_t watch_read(const watched_call *call, uint64_t address, void *bytes, size_t size);
size_t watch_write(const watched_call *call, uint64_t address, const void *bytes, size_t size);

// A descriptor of the caller as one of ours, to be closed; -1 where the system does not allow it.
int watch_descriptor(const watched_call *call, int descriptor);
