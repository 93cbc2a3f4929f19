/* Spindle on the event_base of a program that runs its own loop: each way in which a program might do that. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <pthread.h>
#include <spindle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("attached.c:%d: not so: %s; the last error: %s\n", __LINE__, #condition, spindle_last_error()); \
            exit(1); \
        } \
    } while (0)

static struct event_base *base;
static spindle_reactor *reactor;

/* An exchange of one message between two ends in this process. */
static struct {
    spindle_port *port;
    char text[16];
    int ended;
} talk;

static void answer(spindle_connection *connection, const void *data, size_t length, void *user) {
    (void)user;
    spindle_write(connection, data, length);
    spindle_close(connection);
}

static void ask(spindle_connection *connection, void *user) { spindle_write(connection, user, strlen(user)); }

static void keep(spindle_connection *connection, const void *data, size_t length, void *user) {
    (void)connection, (void)user;
    CHECK(strlen(talk.text) + length < sizeof talk.text);
    strncat(talk.text, data, length);
}

static void asked(spindle_connection *connection, int reason, const char *text, void *user) {
    (void)connection, (void)user, (void)text;
    CHECK(reason == SPINDLE_OK);
    talk.ended++;
    if (talk.port != NULL) spindle_port_close(talk.port);
    talk.port = NULL;
}

static void begin_talk(void) {
    spindle_callbacks server = SPINDLE_CALLBACKS_INIT, client = SPINDLE_CALLBACKS_INIT;
    char endpoint[64];
    memset(&talk, 0, sizeof talk);
    server.received = answer;
    client.connected = ask;
    client.received = keep;
    client.lost = asked;
    CHECK(spindle_listen(reactor, "tcp:0:interface=127.0.0.1", &server, NULL, &talk.port) == 0);
    sprintf(endpoint, "tcp:127.0.0.1:%d", spindle_port_number(talk.port));
    CHECK(spindle_connect(reactor, endpoint, &client, (void *)"hello", NULL) == 0);
}

static void begin_again(void *user) {
    (void)user;
    begin_talk();
}

static void own_event(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what;
    ++*(int *)user;
}

/* A dispatch returns 1 when nothing is left. With Spindle attached and nothing open it still does. */
static void ends_when_empty(void) {
    struct timeval soon = {0, 1000};
    int count = 0;
    CHECK(event_base_dispatch(base) == 1);
    event_base_once(base, -1, EV_TIMEOUT, own_event, &count, &soon);
    CHECK(event_base_dispatch(base) == 1 && count == 1);
    begin_talk();
    CHECK(event_base_dispatch(base) == 1 && talk.ended == 1 && strcmp(talk.text, "hello") == 0);
    /* Called by C outside any callback, and by a timer. */
    CHECK(spindle_call_later(reactor, 0.01, begin_again, NULL, NULL) == 0);
    CHECK(event_base_dispatch(base) == 1 && talk.ended == 1);
    puts("ok: a dispatch ends when nothing is left, with Spindle as without");
}

static void one_pass_at_a_time(void) {
    begin_talk();
    while (!talk.ended) event_base_loop(base, EVLOOP_ONCE);
    begin_talk();
    while (!talk.ended) event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    event_base_dispatch(base);
    puts("ok: a program may turn its loop by hand");
}

static void stop_it(evutil_socket_t descriptor, short what, void *user) {
    (void)descriptor, (void)what, (void)user;
    spindle_stop(reactor);
}

static void stopping(void) {
    struct timeval soon = {0, 1000};
    spindle_callbacks none = SPINDLE_CALLBACKS_INIT;
    spindle_port *port;
    CHECK(spindle_listen(reactor, "tcp:0:interface=127.0.0.1", &none, NULL, &port) == 0);
    event_base_once(base, -1, EV_TIMEOUT, stop_it, NULL, &soon);
    CHECK(event_base_dispatch(base) == 1);
    CHECK(spindle_port_close(port) == 0);
    begin_talk();
    CHECK(event_base_dispatch(base) == 1 && talk.ended == 1);
    puts("ok: spindle_stop() closes what is open; the loop goes on, and so may the reactor");
}

static void called(spindle_reactor *there, void *user) {
    CHECK(there == reactor);
    if (++*(int *)user == 1000) spindle_stop(reactor);
}

static void *call_often(void *user) {
    int i;
    for (i = 0; i < 1000; i++) CHECK(spindle_call_from_thread(reactor, called, user) == 0);
    return NULL;
}


static void *dispatch_and_detach(void *user) {
    (void)user;
    CHECK(event_base_dispatch(base) == 1);
    CHECK(talk.ended == 1 && strcmp(talk.text, "hello") == 0);
    CHECK(spindle_call_later(reactor, 0, begin_again, NULL, NULL) == 0);
    CHECK(event_base_dispatch(base) == 1 && talk.ended == 1);
    CHECK(spindle_detach(base) == 0);
    return NULL;
}

static void threads(void) {
    pthread_t thread;
    int count = 0;
    spindle_callbacks none = SPINDLE_CALLBACKS_INIT;
    CHECK(spindle_listen(reactor, "tcp:0:interface=127.0.0.1", &none, NULL, NULL) == 0);
    pthread_create(&thread, NULL, call_often, &count);
    CHECK(event_base_dispatch(base) == 1 && count == 1000);
    pthread_join(thread, NULL);
    puts("ok: another thread's calls are made on the one that dispatches");
}

static void dispatch_elsewhere(void) {
    pthread_t thread;
    base = event_base_new();
    CHECK(spindle_attach(base, NULL, &reactor) == 0);
    begin_talk();
    pthread_create(&thread, NULL, dispatch_and_detach, NULL);
    pthread_join(thread, NULL);
    CHECK(spindle_detach(base) == SPINDLE_EHANDLE);
    event_base_free(base);
    puts("ok: attached on one thread, dispatched and detached on another");
}

static void *dispatch(void *user) {
    (void)user;
    CHECK(event_base_dispatch(base) == 1);
    CHECK(talk.ended == 1);
    return NULL;
}

/* A worker has the loop and ends; who has joined it goes on there, and takes everything apart. */
static void joined(void) {
    pthread_t thread;
    base = event_base_new();
    CHECK(spindle_attach(base, NULL, &reactor) == 0);
    begin_talk();
    pthread_create(&thread, NULL, dispatch, NULL);
    pthread_join(thread, NULL);
    begin_talk();
    CHECK(event_base_dispatch(base) == 1 && talk.ended == 1);
    begin_talk();
    pthread_create(&thread, NULL, dispatch, NULL);
    pthread_join(thread, NULL);
    CHECK(spindle_detach(base) == 0);
    event_base_free(base);
    puts("ok: dispatched on a worker that has ended, and detached by the one that joined it");
}

static void detach_now(void *user) {
    (void)user;
    CHECK(spindle_detach(base) == 0);
}

static void lost_to(spindle_connection *connection, int reason, const char *text, void *user) {
    (void)connection, (void)text;
    CHECK(reason == SPINDLE_EABORTED);
    ++*(int *)user;
}

static void detach_inside(spindle_connection *connection, void *user) {
    (void)connection, (void)user;
    CHECK(spindle_detach(base) == 0);
}

static void detaching(void) {
    spindle_callbacks server = SPINDLE_CALLBACKS_INIT, client = SPINDLE_CALLBACKS_INIT;
    spindle_port *port;
    char endpoint[64];
    int lost = 0;

    base = event_base_new();
    CHECK(spindle_attach(base, NULL, &reactor) == 0);
    CHECK(spindle_call_later(reactor, 0, detach_now, NULL, NULL) == 0);
    CHECK(event_base_dispatch(base) == 1);
    CHECK(spindle_stop(reactor) == SPINDLE_EHANDLE);

    CHECK(spindle_attach(base, NULL, &reactor) == 0);
    server.connected = detach_inside;
    server.lost = client.lost = lost_to;
    CHECK(spindle_listen(reactor, "tcp:0:interface=127.0.0.1", &server, &lost, &port) == 0);
    sprintf(endpoint, "tcp:127.0.0.1:%d", spindle_port_number(port));
    CHECK(spindle_connect(reactor, endpoint, &client, &lost, NULL) == 0);
    CHECK(event_base_dispatch(base) == 1);
    CHECK(lost == 2 && spindle_port_close(port) == SPINDLE_EHANDLE);
    CHECK(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) == 0);
    event_base_free(base);
    puts("ok: detaching inside a callback ends everything when that returns, and leaves nothing on the base");
}

static void stay(spindle_reactor *there, void *user) {
    (void)there;
    *(int *)user = 1;
    event_base_loopexit(base, NULL);
}

static void *call_once(void *user) {
    CHECK(spindle_call_from_thread(reactor, stay, user) == 0);
    return NULL;
}

static void keeping_alive(void) {
    spindle_options options = SPINDLE_OPTIONS_INIT;
    pthread_t thread;
    int count = 0;
    options.keeps_loop_alive = 1;
    base = event_base_new();
    CHECK(spindle_attach(base, &options, &reactor) == 0);
    pthread_create(&thread, NULL, call_once, &count);
    CHECK(event_base_dispatch(base) == 0 && count == 1);
    pthread_join(thread, NULL);
    CHECK(spindle_detach(base) == 0);
    event_base_free(base);
    puts("ok: keeps_loop_alive has an idle loop wait for other threads' calls");
}

/* A bufferevent that Spindle has for a while. */
struct loan {
    struct bufferevent *lent;
    char received[32], rest[32];
};

static void lent_connected(spindle_connection *connection, void *user) {
    struct loan *loan = user;
    CHECK(spindle_write(connection, "hello ", 6) == 0);
    CHECK(spindle_bufferevent(connection) == loan->lent);
    CHECK(bufferevent_write(loan->lent, "from C", 6) == 0);
}

/* What comes behind a bar is for C to read, when it has its bufferevent again. */
static void lent_received(spindle_connection *connection, const void *data, size_t length, void *user) {
    struct loan *loan = user;
    const char *bar = memchr(data, '|', length);
    struct bufferevent *returned = NULL;
    CHECK(bar != NULL && length < sizeof loan->received);
    memcpy(loan->received, data, bar - (const char *)data);
    length -= bar + 1 - (const char *)data;
    CHECK(spindle_detach_bufferevent(connection, NULL, 1, &returned) == SPINDLE_EINVAL && returned == NULL);
    CHECK(spindle_detach_bufferevent(connection, bar + 1, length, &returned) == 0 && returned == loan->lent);
    CHECK(spindle_write(connection, "x", 1) == SPINDLE_EHANDLE && spindle_bufferevent(connection) == NULL);
    CHECK(bufferevent_read(returned, loan->rest, sizeof loan->rest - 1) == length);
}

static void never(spindle_connection *connection, int reason, const char *text, void *user) {
    (void)connection, (void)reason, (void)text, (void)user;
    CHECK(0);
}

static void lend(struct bufferevent *lent, struct bufferevent *other) {
    spindle_callbacks callbacks = SPINDLE_CALLBACKS_INIT;
    spindle_connection *connection = NULL;
    struct loan loan;
    char text[32];
    memset(&loan, 0, sizeof loan);
    memset(text, 0, sizeof text);
    loan.lent = lent;
    callbacks.connected = lent_connected;
    callbacks.received = lent_received;
    callbacks.lost = never;
    bufferevent_enable(other, EV_READ);
    CHECK(spindle_adopt_bufferevent(reactor, lent, &callbacks, &loan, &connection) == 0 && connection != NULL);
    CHECK(spindle_adopt_bufferevent(reactor, lent, &callbacks, &loan, NULL) == SPINDLE_ESTATE);
    CHECK(bufferevent_write(other, "for Spindle|for C", 17) == 0);
    while (loan.rest[0] == 0 || evbuffer_get_length(bufferevent_get_input(other)) < 12)
        CHECK(event_base_loop(base, EVLOOP_ONCE) == 0);
    bufferevent_read(other, text, sizeof text - 1);
    CHECK(strcmp(text, "hello from C") == 0);
    CHECK(strcmp(loan.received, "for Spindle") == 0 && strcmp(loan.rest, "for C") == 0);
    bufferevent_free(lent);
    bufferevent_free(other);
}

static void lending(void) {
    struct bufferevent *pair[2];
    int ends[2], i;
    CHECK(bufferevent_pair_new(base, 0, pair) == 0);
    lend(pair[0], pair[1]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    for (i = 0; i < 2; i++) {
        evutil_make_socket_nonblocking(ends[i]);
        pair[i] = bufferevent_socket_new(base, ends[i], BEV_OPT_CLOSE_ON_FREE);
    }
    lend(pair[0], pair[1]);
    puts("ok: a bufferevent goes to Spindle and comes back, with what C is to read");
}

int main(void) {
    base = event_base_new();
    CHECK(spindle_attach(base, NULL, &reactor) == 0);
    ends_when_empty();
    one_pass_at_a_time();
    stopping();
    threads();
    lending();
    CHECK(spindle_detach(base) == 0);
    event_base_free(base);
    dispatch_elsewhere();
    joined();
    detaching();
    keeping_alive();
    return 0;
}
