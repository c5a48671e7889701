#include "call_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MOST_CALLS = 100,
    NOTICE_BYTES = 1024, // newer kernels may use larger structures than the headers here know
    REFUSED = 2,         // exit statuses of the trial
    TOO_OLD = 3,
    NOT_EXECUTED = 127,
};

static const char refusal[] = "the system does not let system calls be watched (seccomp with a listener)";

// ---------------------------------------------------------------- who answers

static bool is_ours(pid_t thread) {
    return syscall(SYS_tgkill, getpid(), thread, 0) == 0;
}

static void answer_one(int listener, watch_decide *decide) {
    union {
        struct seccomp_notif fields;
        char bytes[NOTICE_BYTES];
    } notice = {0};
    union {
        struct seccomp_notif_resp fields;
        char bytes[NOTICE_BYTES];
    } response = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) != 0)
        return; // the caller was killed, or a signal came
    watched_call call = {.number = notice.fields.data.nr, .thread = (pid_t)notice.fields.pid};
    memcpy(call.arguments, notice.fields.data.args, sizeof call.arguments);
    call.ours = is_ours(call.thread);
    watch_answer answer = decide(&call);
    response.fields.id = notice.fields.id;
    if (answer.proceed)
        response.fields.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else if (answer.result < 0)
        response.fields.error = (int)answer.result;
    else
        response.fields.val = answer.result;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0 || errno != EINVAL) return;
    // A kernel that cannot let a call proceed: the trial tells.
    response.fields.flags = 0;
    response.fields.error = -ENOSYS;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

// The thread that answers. It begins before there is a filter, so it is never watched itself.
static struct watcher {
    watch_decide *decide;
    pthread_mutex_t lock;
    pthread_cond_t known;
    int listener; // -1 until the filter is there
    bool refused;
} watcher = {.lock = PTHREAD_MUTEX_INITIALIZER, .known = PTHREAD_COND_INITIALIZER, .listener = -1};

static void *answer_all(void *context) {
    (void)context;
    pthread_mutex_lock(&watcher.lock);
    while (watcher.listener < 0 && !watcher.refused) pthread_cond_wait(&watcher.known, &watcher.lock);
    int listener = watcher.listener;
    pthread_mutex_unlock(&watcher.lock);
    while (listener >= 0) answer_one(listener, watcher.decide);
    return NULL;
}

static bool start_thread(watch_decide *decide) {
    sigset_t all, before;
    pthread_t thread;
    watcher.decide = decide;
    // Signals are for the threads of the program.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, answer_all, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) pthread_detach(thread);
    return started;
}

static void tell_thread(int listener) {
    pthread_mutex_lock(&watcher.lock);
    watcher.listener = listener;
    watcher.refused = listener < 0;
    pthread_cond_signal(&watcher.known);
    pthread_mutex_unlock(&watcher.lock);
}

// ---------------------------------------------------------------- who is watched

// A descriptor of what the filter sees, or -1.
static int install_filter(const int *numbers, size_t count) {
    struct sock_filter code[MOST_CALLS + 5];
    unsigned short n = 0;
    if (count > MOST_CALLS || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(
        BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, (unsigned char)(count + 1)); // to the last but one
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++) // to the last
        code[n++] = (struct sock_filter)BPF_JUMP(
            BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], (unsigned char)(count - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    struct sock_fprog program = {n, code};
    unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // A signal while we answer would make the kernel ask again, after a short write was done: newer kernels wait.
#ifdef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    int listener = (int)syscall(
        SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    if (listener >= 0 || errno != EINVAL) return listener;
#endif
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static bool watch_self(const int *numbers, size_t count, watch_decide *decide) {
    if (!start_thread(decide)) return false;
    int listener = install_filter(numbers, count);
    tell_thread(listener);
    return listener >= 0;
}

static watch_answer always_proceed(const watched_call *call) {
    (void)call;
    return (watch_answer){.proceed = true};
}

// In a child, since a filter is for ever: whether calls can be watched here at all, and let proceed.
static int trial(void) {
    const int number = SYS_close;
    if (!watch_self(&number, 1, always_proceed)) return REFUSED;
    return syscall(SYS_close, -1) == -1 && errno == EBADF ? 0 : TOO_OLD;
}

static const char *try_it(void) {
    pid_t child = fork();
    int state;
    if (child == 0) _exit(trial());
    if (child < 0 || waitpid(child, &state, 0) != child || !WIFEXITED(state)) return refusal;
    if (WEXITSTATUS(state) == TOO_OLD)
        return "the kernel is older than Linux 5.5, which can watch system calls";
    return WEXITSTATUS(state) == 0 ? NULL : refusal;
}

// A child must not keep the listener open: the calls of others would wait for an answer when this process is gone.
static void close_in_child(void) {
    close(watcher.listener);
}

const char *watch_calls(const int *numbers, size_t count, watch_decide *decide) {
    const char *reason = try_it();
    if (reason) return reason;
    if (!watch_self(numbers, count, decide)) return refusal;
    pthread_atfork(NULL, NULL, close_in_child);
    return NULL;
}

// ---------------------------------------------------------------- a command that is watched

typedef union descriptor_message {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
} descriptor_message;

static bool send_descriptor(int socket, int descriptor) {
    descriptor_message control = {0};
    char byte = 0;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof descriptor), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
    return sendmsg(socket, &message, 0) == 1;
}

static int receive_descriptor(int socket) {
    descriptor_message control = {0};
    char byte;
    struct iovec data = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int descriptor = -1;
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 || control.header.cmsg_type != SCM_RIGHTS) return -1;
    memcpy(&descriptor, CMSG_DATA(&control.header), sizeof descriptor);
    return descriptor;
}

static void execute(int socket, const int *numbers, size_t count, char *const *command) {
    int listener = install_filter(numbers, count);
    if (listener < 0 || !send_descriptor(socket, listener)) _exit(NOT_EXECUTED);
    execvp(command[0], command);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", command[0], strerror(errno));
    _exit(NOT_EXECUTED);
}

const char *watch_command(
    const int *numbers, size_t count, watch_decide *decide, char *const *command, int *status) {
    const char *reason = try_it();
    int sockets[2], state;
    if (reason) return reason;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return refusal;
    pid_t child = fork();
    if (child == 0) execute(sockets[1], numbers, count, command);
    close(sockets[1]);
    int listener = child < 0 ? -1 : receive_descriptor(sockets[0]);
    close(sockets[0]);
    if (listener >= 0 && start_thread(decide)) tell_thread(listener);
    if (child < 0 || waitpid(child, &state, 0) != child || listener < 0) return refusal;
    *status = WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
    return NULL;
}

// ---------------------------------------------------------------- what a decision may use

static int open_memory(const watched_call *call, int flags) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/mem", (int)call->thread);
    return open(name, flags | O_CLOEXEC);
}

size_t watch_read(const watched_call *call, uint64_t address, void *bytes, size_t size) {
    int memory = open_memory(call, O_RDONLY);
    if (memory < 0) return 0;
    ssize_t count = pread(memory, bytes, size, (off_t)address);
    close(memory);
    return count < 0 ? 0 : (size_t)count;
}

size_t watch_write(const watched_call *call, uint64_t address, const void *bytes, size_t size) {
    int memory = open_memory(call, O_WRONLY);
    if (memory < 0) return 0;
    ssize_t count = pwrite(memory, bytes, size, (off_t)address);
    close(memory);
    return count < 0 ? 0 : (size_t)count;
}

// The process of a thread; its number is the one that descriptors are asked by.
static pid_t process_of(pid_t thread) {
    char name[64], text[1024] = {0};
    snprintf(name, sizeof name, "/proc/%d/status", (int)thread);
    int file = open(name, O_RDONLY | O_CLOEXEC), process = -1;
    if (file < 0) return -1;
    const char *line = read(file, text, sizeof text - 1) > 0 ? strstr(text, "\nTgid:") : NULL;
    close(file);
    return line && sscanf(line, "\nTgid: %d", &process) == 1 ? process : -1;
}

int watch_descriptor(const watched_call *call, int descriptor) {
    if (call->ours) return fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    int process = (int)syscall(SYS_pidfd_open, process_of(call->thread), 0);
    if (process < 0) return -1;
    int copy = (int)syscall(SYS_pidfd_getfd, process, descriptor, 0);
    close(process);
    return copy;
}
