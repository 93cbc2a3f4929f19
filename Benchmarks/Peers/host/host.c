#include "host.h"

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

struct host {
    void (*accepted)(struct bufferevent *connection, void *context);
    void *context;
};

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int length,
                     void *context) {
    (void)peer, (void)length;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct host *host = context;
    host->accepted(bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE), host->context);
}

struct event_base *host_new(void) {
    signal(SIGPIPE, SIG_IGN);
    return event_base_new();
}

int host_listen(struct event_base *base, int port, void (*take)(struct bufferevent *, void *), void *context) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((unsigned short)port)};
    socklen_t length = sizeof address;
    struct host *host = malloc(sizeof *host);
    *host = (struct host){take, context};
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, accepted, host, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                1024, (struct sockaddr *)&address, sizeof address);
    if (!listener) return 0;
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length);
    return ntohs(address.sin_port);
}

int host_dispatch(struct event_base *base) { return event_base_dispatch(base); }
