/*
 * An echo server in plain C on libevent, of the kind that is there already. What Spindle adds to it is between the two
 * lines of dashes in main(): a port on the same event_base that speaks a line protocol written in Swift (Admin.swift).
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <signal.h>
#include <spindle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

struct client {
    struct server *server;
    struct bufferevent *bev;
    LIST_ENTRY(client) entry;
};

static void client_free(struct client *client) {
    client->server->connections--;
    LIST_REMOVE(client, entry);
    bufferevent_free(client->bev);
    free(client);
}

static void read_cb(struct bufferevent *bev, void *arg) {
    struct server *server = ((struct client *)arg)->server;
    struct evbuffer *input = bufferevent_get_input(bev);
    server->bytes += evbuffer_get_length(input);
    bufferevent_write_buffer(bev, input);
}

static void event_cb(struct bufferevent *bev, short events, void *arg) {
    (void)bev;
    if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) client_free(arg);
}

static void accept_cb(
    struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int length, void *arg) {
    struct server *server = arg;
    struct client *client = malloc(sizeof *client);
    (void)listener, (void)address, (void)length;
    if (client == NULL || (client->bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE)) == NULL) {
        free(client);
        evutil_closesocket(fd);
        return;
    }
    client->server = server;
    LIST_INSERT_HEAD(&server->clients, client, entry);
    server->connections++;
    server->accepted++;
    bufferevent_setcb(client->bev, read_cb, NULL, event_cb, client);
    bufferevent_enable(client->bev, EV_READ);
    bufferevent_write(client->bev, server->greeting, strlen(server->greeting));
}

static void signal_cb(evutil_socket_t signal, short events, void *arg) {
    (void)signal, (void)events;
    server_stop(arg);
}

void server_stop(struct server *server) { event_base_loopexit(server->base, NULL); }

int main(void) {
    struct server server = {NULL, LIST_HEAD_INITIALIZER(), 0, 0, 0, "hello\r\n"};
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    struct evconnlistener *listener;
    struct event *interrupt, *terminate;
    spindle_port *admin;
    spindle_reactor *reactor;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.base = event_base_new();
    listener = evconnlistener_new_bind(
        server.base, accept_cb, &server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
        (struct sockaddr *)&address, sizeof address);
    interrupt = evsignal_new(server.base, SIGINT, signal_cb, &server);
    terminate = evsignal_new(server.base, SIGTERM, signal_cb, &server);
    if (listener == NULL || interrupt == NULL || terminate == NULL) {
        perror("cannot listen");
        return 1;
    }
    event_add(interrupt, NULL);
    event_add(terminate, NULL);
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length);

    /* ---------------------------------------------------------------------------------------------------------- */
    admin_register();
    if (spindle_attach(server.base, NULL, &reactor) < 0 ||
        spindle_mount(reactor, "admin", "tcp:0:interface=127.0.0.1", &server, &admin) < 0) {
        fprintf(stderr, "%s\n", spindle_last_error());
        return 1;
    }
    /* ---------------------------------------------------------------------------------------------------------- */

    printf("echo on %d, admin on %d\n", ntohs(address.sin_port), spindle_port_number(admin));
    fflush(stdout);
    event_base_dispatch(server.base);

    spindle_detach(server.base);
    while (server.clients.lh_first != NULL) client_free(server.clients.lh_first);
    event_free(interrupt);
    event_free(terminate);
    evconnlistener_free(listener);
    event_base_free(server.base);
    return 0;
}
