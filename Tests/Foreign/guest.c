/*
 * Puts Spindle into a libevent program that knows nothing of it: preloaded, it stands between the program and
 * event_base_dispatch(), attaches a reactor to the program's base, serves an echo port there and detaches before the
 * program goes on to free its base.
 *
 * It says on standard error: "guest PORT" when it listens, "guest timer" when its timer has come, "guest left" when it has detached.
 * GUEST=timer has it open no port, but only a timer, so that the program's dispatch ends as it would without it.
 * GUEST_LOCKS has libevent use locks, which the program does not know of either.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <event2/thread.h>
#include <spindle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static spindle_port *port;

static void received(spindle_connection *connection, const void *data, size_t length, void *user) {
    (void)user;
    spindle_write(connection, data, length);
    /* So that the program's loop may end. */
    if (length >= 4 && memcmp(data, "quit", 4) == 0) {
        spindle_port_close(port);
        spindle_close(connection);
    }
}

static void timer(void *user) {
    (void)user;
    fprintf(stderr, "guest timer\n");
}

__attribute__((constructor)) static void begin(void) {
    /* What the program prints is to be seen when it is printed. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getenv("GUEST_LOCKS")) evthread_use_pthreads();
}

static int check(int result) {
    if (result >= 0) return result;
    fprintf(stderr, "guest: %s\n", spindle_last_error());
    _Exit(99);
}

int event_base_dispatch(struct event_base *base) {
    int (*next)(struct event_base *) = (int (*)(struct event_base *))dlsym(RTLD_NEXT, "event_base_dispatch");
    spindle_reactor *reactor;
    spindle_callbacks echo = SPINDLE_CALLBACKS_INIT;
    const char *what = getenv("GUEST");
    int result;

    echo.received = received;
    check(spindle_attach(base, NULL, &reactor));
    check(spindle_call_later(reactor, 0.01, timer, NULL, NULL));
    if (!what || strcmp(what, "timer") != 0) {
        check(spindle_listen(reactor, "tcp:0:interface=127.0.0.1", &echo, NULL, &port));
        fprintf(stderr, "guest %d\n", spindle_port_number(port));
    }
    result = next(base);
    check(spindle_detach(base));
    fprintf(stderr, "guest left\n");
    return result;
}

/* The samples have ports of their own, which may be in use here. */
#include <netinet/in.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr *address, socklen_t length) {
    int (*next)(int, const struct sockaddr *, socklen_t) =
        (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
    struct sockaddr_in any;
    if (address->sa_family != AF_INET) return next(fd, address, length);
    memcpy(&any, address, sizeof any);
    any.sin_port = 0;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (next(fd, (struct sockaddr *)&any, sizeof any) < 0) return -1;
    length = sizeof any;
    getsockname(fd, (struct sockaddr *)&any, &length);
    fprintf(stderr, "bound %d\n", ntohs(any.sin_port));
    return 0;
}
