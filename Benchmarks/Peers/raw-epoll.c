// The plain C control: an echo server on epoll and nothing else, with the fewest system calls that are still correct.
// One thread, level-triggered; recv into one scratch buffer, send at once. What the socket does not take is kept per
// connection, and nothing more is read from that connection until it has left.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int fd;
    char *backlog;         // echo that could not leave yet, or NULL
    size_t from, length;   // the part of it that is still to be sent
} Connection;

static int poll;
static char scratch[64 * 1024];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int operation, Connection *c, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poll, operation, c->fd, &event)) fail("epoll_ctl");
}

static void accept_all(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Connection *c = calloc(1, sizeof *c);
        if (!c) fail("calloc");
        c->fd = fd;
        watch(EPOLL_CTL_ADD, c, EPOLLIN);
    }
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) fail("accept4");
}

// close() alone leaves the epoll set only if nobody else holds the file, and lsof does for a moment.
static void close_connection(Connection *c) {
    epoll_ctl(poll, EPOLL_CTL_DEL, c->fd, NULL);
    close(c->fd);
    free(c->backlog);
    free(c);
}

// A signal or a full socket says "later"; anything else ends the connection.
static bool try_again(void) { return errno == EAGAIN || errno == EINTR; }

static void readable(Connection *c) {
    ssize_t received = recv(c->fd, scratch, sizeof scratch, 0);
    if (received < 0 && try_again()) return;
    if (received <= 0) return close_connection(c);
    ssize_t sent = send(c->fd, scratch, (size_t)received, MSG_NOSIGNAL);
    if (sent == received) return;
    if (sent < 0 && !try_again()) return close_connection(c);
    if (sent < 0) sent = 0;
    c->from = 0;
    c->length = (size_t)(received - sent);
    c->backlog = malloc(c->length);
    if (!c->backlog) fail("malloc");
    memcpy(c->backlog, scratch + sent, c->length);
    watch(EPOLL_CTL_MOD, c, EPOLLOUT);
}

static void writable(Connection *c) {
    ssize_t sent = send(c->fd, c->backlog + c->from, c->length, MSG_NOSIGNAL);
    if (sent < 0 && try_again()) return;
    if (sent < 0) return close_connection(c);
    c->from += (size_t)sent;
    c->length -= (size_t)sent;
    if (c->length) return;
    free(c->backlog);
    c->backlog = NULL;
    watch(EPOLL_CTL_MOD, c, EPOLLIN);
}

int main(int count, char **arguments) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(count > 1 ? (uint16_t)atoi(arguments[1]) : 0)};
    socklen_t length = sizeof address;
    int on = 1;
    Connection listener = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener.fd, (struct sockaddr *)&address, length)) fail("bind");
    if (listen(listener.fd, 1024)) fail("listen");
    getsockname(listener.fd, (struct sockaddr *)&address, &length);
    if ((poll = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1");
    watch(EPOLL_CTL_ADD, &listener, EPOLLIN);
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);

    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(poll, events, 256, -1);
        if (ready < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < ready; i++) {
            Connection *c = events[i].data.ptr;
            if (c == &listener) accept_all(listener.fd);
            else if (c->backlog) writable(c);
            else readable(c);
        }
    }
}
