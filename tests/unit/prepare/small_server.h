// A minimal web server on a thread of its own, which misbehaves in ways selected by the path.
#pragma once

#include "system/scratch.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct small_server {
    int listener;
    int port;
    pthread_t thread;
    const char *body;
    const char *validator; // "ETag: \"1\"\r\n" or the like, sent in each response with a body; "": none
    bool conditions;       // supports If-Range
    long last_range;       // start of the last request's range; -1: it had none
    int requests;
} small_server;

static inline void send_text(int client, const char *text, size_t size) {
    while (size > 0) {
        ssize_t sent = send(client, text, size, MSG_NOSIGNAL);
        if (sent <= 0) return;
        text += sent;
        size -= (size_t)sent;
    }
}

static inline void send_head(int client, const char *status, const char *extra, size_t length) {
    char head[512];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
        extra, length);
    send_text(client, head, strlen(head));
}

// If-Range requires the current validator.
static inline bool condition_holds(const small_server *s, const char *request) {
    const char *condition = strstr(request, "If-Range: "), *value = strstr(s->validator, ": ");
    if (!condition || !s->conditions) return true;
    condition += strlen("If-Range: ");
    return value && strncmp(condition, value + 2, strcspn(value + 2, "\r")) == 0;
}

// /cut: sends half of what it promises. /norange: always sends the whole. /empty: sends nothing. /moved, /away: redirect.
// /whole: behaves correctly. /bit: sends three bytes of a requested range. /slow: sends half, and then a byte every tenth of a
// second until it is stopped. /endless: sends blanks, without saying how many, as long as somebody reads them.
static inline void send_slowly(small_server *s, int client) {
    size_t size = strlen(s->body);
    send_head(client, "200 OK", s->validator, size);
    send_text(client, s->body, size / 2);
    for (size_t i = size / 2; i < size; i++) {
        if (send(client, s->body + i, 1, MSG_NOSIGNAL) < 1) return;
        usleep(100000);
    }
}

static inline void send_without_end(int client) {
    static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", blank = ' ';
    send_text(client, head, sizeof head - 1);
    while (send(client, &blank, 1, MSG_NOSIGNAL) == 1) {
    }
}

static inline void answer(small_server *s, int client, const char *request) {
    size_t size = strlen(s->body);
    const char *range = condition_holds(s, request) ? strstr(request, "Range: bytes=") : NULL;
    bool bit = strncmp(request, "GET /bit", 8) == 0;
    bool whole = bit || strncmp(request, "GET /whole", 10) == 0 || strncmp(request, "GET /cut", 8) == 0;
    s->requests++;
    s->last_range = range ? strtol(range + 13, NULL, 10) : -1;
    size_t first = range ? (size_t)s->last_range : 0, last = bit && first + 3 < size ? first + 3 : size;
    char extra[256] = "";
    if (strncmp(request, "GET /moved", 10) == 0) {
        send_head(client, "302 Found", "Location: /whole\r\nETag: \"of the redirection\"\r\n", 0);
    } else if (strncmp(request, "GET /away", 9) == 0) {
        send_head(client, "302 Found", "Location: file:///etc/hostname\r\n", 0);
    } else if (strncmp(request, "GET /slow", 9) == 0) {
        send_slowly(s, client);
    } else if (strncmp(request, "GET /endless", 12) == 0) {
        send_without_end(client);
    } else if (strncmp(request, "GET /empty", 10) == 0) {
        send_head(client, "200 OK", s->validator, 0);
    } else if (strncmp(request, "GET /norange", 12) == 0 || (whole && !range)) {
        send_head(client, "200 OK", s->validator, size);
        send_text(client, s->body, strncmp(request, "GET /cut", 8) == 0 ? size / 2 : size);
    } else if (whole && first < size) {
        // As in the standard, no validator: a client that sent If-Range has it.
        snprintf(extra, sizeof extra, "%sContent-Range: bytes %zu-%zu/%zu\r\n",
            s->conditions ? "" : s->validator, first, last - 1, size);
        send_head(client, "206 Partial Content", extra, last - first);
        send_text(client, s->body + first, last - first);
    } else if (whole) {
        send_head(client, "416 Range Not Satisfiable", "", 0);
    } else {
        send_head(client, "404 Not Found", "", 0);
    }
}

static inline void *serve(void *argument) {
    small_server *s = argument;
    for (;;) {
        int client = accept(s->listener, NULL, NULL);
        if (client < 0) return NULL; // shut down
        char request[4096] = "";
        size_t used = 0;
        while (!strstr(request, "\r\n\r\n") && used < sizeof request - 1) {
            ssize_t got = recv(client, request + used, sizeof request - 1 - used, 0);
            if (got <= 0) break;
            used += (size_t)got;
            request[used] = '\0';
        }
        answer(s, client, request);
        close(client);
    }
}

static inline void server_start(small_server *s, const char *body) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    *s = (small_server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
        .body = body,
        .validator = "ETag: \"1\"\r\n",
        .conditions = true};
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 4), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &length), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static inline void server_stop(small_server *s) {
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}
