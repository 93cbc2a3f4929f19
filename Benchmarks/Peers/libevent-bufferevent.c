// bench: pkg-config libevent_core
//
// The stock libevent echo, as its own manual writes it: a listener, a bufferevent per connection, input moved to output
// in the read callback. No setting is tuned except TCP_NODELAY, which every peer has.
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void data_received(struct bufferevent *connection, void *context) {
    (void)context;
    bufferevent_write_buffer(connection, bufferevent_get_input(connection));
}

static void connection_event(struct bufferevent *connection, short events, void *context) {
    (void)context;
    if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(connection);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int length,
                     void *context) {
    (void)peer, (void)length, (void)context;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct event_base *base = evconnlistener_get_base(listener);
    struct bufferevent *connection = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(connection, data_received, NULL, connection_event, NULL);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
}

int main(int count, char **arguments) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons(count > 1 ? (unsigned short)atoi(arguments[1]) : 0)};
    socklen_t length = sizeof address;
    signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, accepted, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                1024, (struct sockaddr *)&address, sizeof address);
    if (!listener) {
        perror("listen");
        return 1;
    }
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length);
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return event_base_dispatch(base) != 0;
}
