#include "prepare/train_apart.h"

#include "prepare/train_sentencepiece.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// The parent sends the sentences over the socket, each as a sentence_size and its bytes, then shuts its side down; the child
// sends the outcome back.
typedef uint32_t sentence_size;
enum { SEND_BYTES = 1 << 13, WAIT_MILLISECONDS = 100 };

// ---------------------------------------------------------------- the child

typedef struct receiver {
    FILE *stream;
    char sentence[SENTENCEPIECE_LONGEST];
} receiver;

static sigmoe_status receive_sentence(void *context, const char **bytes, size_t *size) {
    receiver *r = context;
    sentence_size length;
    *bytes = NULL;
    if (fread(&length, sizeof length, 1, r->stream) != 1) return SIGMOE_OK;
    if (length > sizeof r->sentence || fread(r->sentence, 1, length, r->stream) != length)
        return fail(SIGMOE_IO, "the sentences to train a tokenizer on ended early");
    *bytes = r->sentence;
    *size = length;
    return SIGMOE_OK;
}

// Never returns. Signals that ask to stop or to save also reach the parent, which decides; the child does not outlive it.
static void be_child(int socket, pid_t parent, const char *name, int64_t vocab_size, const char *path) {
    static receiver r;
    sigmoe_status status;
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    r.stream = fdopen(socket, "rb");
    if (r.stream)
        status = sentencepiece_train(&(sentencepiece_input){receive_sentence, &r}, name, vocab_size, path);
    else
        status = fail_errno("cannot train a tokenizer");
    kept_failure o = failure_keep(status);
    ssize_t sent = send(socket, &o, sizeof o, MSG_NOSIGNAL);
    _exit(sent != sizeof o);
}

// ---------------------------------------------------------------- the parent

typedef struct sender {
    int socket;
    size_t used;
    bool refused; // the child accepts no more; its outcome says why
    char bytes[SEND_BYTES];
} sender;

static void flush(sender *s) {
    size_t done = 0;
    while (done < s->used && !s->refused) {
        ssize_t sent = send(s->socket, s->bytes + done, s->used - done, MSG_NOSIGNAL);
        if (sent > 0) done += (size_t)sent;
        s->refused = sent < 0 && errno != EINTR;
    }
    s->used = 0;
}

static void put(sender *s, const void *bytes, size_t size) {
    if (size > sizeof s->bytes - s->used) flush(s);
    memcpy(s->bytes + s->used, bytes, size);
    s->used += size;
}

static sigmoe_status send_sentences(int socket, const sentencepiece_input *input) {
    sender s = {.socket = socket};
    while (!s.refused) {
        const char *bytes = NULL;
        size_t size = 0;
        TRY(input->next(input->context, &bytes, &size));
        if (!bytes) break;
        if (size > SENTENCEPIECE_LONGEST) continue; // the trainer would leave it out
        put(&s, &(sentence_size){(sentence_size)size}, sizeof(sentence_size));
        put(&s, bytes, size);
    }
    flush(&s);
    shutdown(socket, SHUT_WR);
    return SIGMOE_OK;
}

// *whole false: the child ended without an outcome.
static sigmoe_status await_outcome(
    int socket, sigmoe_status (*waiting)(void *context), void *context, kept_failure *o, bool *whole) {
    size_t used = 0;
    for (ssize_t got = 1; used < sizeof *o && got > 0;) {
        TRY(waiting(context));
        if (poll(&(struct pollfd){.fd = socket, .events = POLLIN}, 1, WAIT_MILLISECONDS) < 1) continue;
        got = recv(socket, (char *)o + used, sizeof *o - used, 0);
        if (got > 0) used += (size_t)got;
    }
    *whole = used == sizeof *o;
    return SIGMOE_OK;
}

static sigmoe_status fail_ended(int state, const char *name) {
    if (!WIFSIGNALED(state)) return fail(SIGMOE_IO, "the process that trains a tokenizer on %s ended", name);
    return fail(SIGMOE_IO,
        "the process that trains a tokenizer on %s was ended by signal %d (%s); memory may be short", name,
        WTERMSIG(state), strsignal(WTERMSIG(state)));
}

static sigmoe_status be_parent(int socket, pid_t child, const sentencepiece_input *input,
    sigmoe_status (*waiting)(void *context), const char *name) {
    kept_failure o;
    bool whole = false;
    int state = 0;
    sigmoe_status status = send_sentences(socket, input);
    if (status == SIGMOE_OK) status = await_outcome(socket, waiting, input->context, &o, &whole);
    if (status != SIGMOE_OK) kill(child, SIGKILL);
    while (waitpid(child, &state, 0) < 0 && errno == EINTR) {
    }
    TRY(status);
    if (!whole) return fail_ended(state, name);
    o.sentence[sizeof o.sentence - 1] = '\0';
    return failure_again(&o);
}

static bool single_threaded(void) {
    char line[128];
    int count = 0;
    FILE *about = fopen("/proc/self/status", "re");
    if (!about) return false;
    while (count == 0 && fgets(line, sizeof line, about)) sscanf(line, "Threads: %d", &count);
    fclose(about);
    return count == 1;
}

sigmoe_status train_apart(const sentencepiece_input *input, sigmoe_status (*waiting)(void *context),
    const char *name, int64_t vocab_size, const char *path) {
    int ends[2];
    pid_t parent = getpid();
    if (!single_threaded()) return sentencepiece_train(input, name, vocab_size, path);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_errno("cannot make a socket for the tokenizer's trainer");
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        be_child(ends[1], parent, name, vocab_size, path);
    }
    close(ends[1]); // so that the child alone holds it
    sigmoe_status status = child < 0 ? fail_errno("cannot start a process for the tokenizer's trainer")
                                     : be_parent(ends[0], child, input, waiting, name);
    close(ends[0]);
    return status;
}
