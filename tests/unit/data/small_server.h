// A web server of a few lines on a thread of its own, which misbehaves as its paths say.
#pragma once

#include "formats/scratch.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct small_server {
    int listener;
    int port;
    pthread_t thread;
    const char *body;
    long last_range; // where the last request wanted to go on; -1: from the start
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

// /cut: half of what it promises. /norange: always the whole. /moved, /away: elsewhere. /whole: as it should be.
static inline void answer(small_server *s, int client, const char *request) {
    size_t size = strlen(s->body);
    const char *range = strstr(request, "Range: bytes=");
    s->last_range = range ? strtol(range + 13, NULL, 10) : -1;
    size_t first = range ? (size_t)s->last_range : 0;
    char extra[128] = "";
    if (strncmp(request, "GET /cut", 8) == 0) {
        send_head(client, "200 OK", "", size);
        send_text(client, s->body, size / 2);
    } else if (strncmp(request, "GET /moved", 10) == 0) {
        send_head(client, "302 Found", "Location: /whole\r\n", 0);
    } else if (strncmp(request, "GET /away", 9) == 0) {
        send_head(client, "302 Found", "Location: file:///etc/hostname\r\n", 0);
    } else if (strncmp(request, "GET /norange", 12) == 0 ||
               (strncmp(request, "GET /whole", 10) == 0 && !range)) {
        send_head(client, "200 OK", "", size);
        send_text(client, s->body, size);
    } else if (strncmp(request, "GET /whole", 10) == 0 && first < size) {
        snprintf(extra, sizeof extra, "Content-Range: bytes %zu-%zu/%zu\r\n", first, size - 1, size);
        send_head(client, "206 Partial Content", extra, size - first);
        send_text(client, s->body + first, size - first);
    } else if (strncmp(request, "GET /whole", 10) == 0) {
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
    *s = (small_server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .body = body};
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
