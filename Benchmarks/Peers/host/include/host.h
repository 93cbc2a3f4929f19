/* The C program that Spindle is a guest of: the stock libevent echo (libevent-bufferevent.c) up to where it would set its
 * callbacks. */
#ifndef BENCHMARKS_HOST_H
#define BENCHMARKS_HOST_H

struct event_base;
struct bufferevent;

struct event_base *host_new(void);

/* Listens on the loopback, and makes a bufferevent of each connection, which is `accepted`'s from there on. Returns the port; 0 if
 * it cannot listen. */
int host_listen(
    struct event_base *base, int port, void (*accepted)(struct bufferevent *connection, void *context), void *context);

int host_dispatch(struct event_base *base);

#endif
