/* Wrong calls of spindle.h, each of which has to be answered with its code and a text, and nothing worse. */
#include <event2/event.h>
#include <pthread.h>
#include <spindle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failures;

/* Checks that a call was answered with a code, and that the text of an error names what was wrong. */
static void check(int line, const char *call, int answer, int wanted, const char *text) {
    const char *said = answer < 0 ? spindle_last_error() : "";
    if (answer == wanted && (wanted >= 0 || strstr(said, text) != NULL)) return;
    printf("errors.c:%d: %s is %d (%s), not %d (%s)\n", line, call, answer, said, wanted, text);
    failures++;
}
#define EXPECT(call, wanted, text) check(__LINE__, #call, call, wanted, text)

static void passed(const char *what) {
    static int before;
    if (failures == before) printf("ok: %s\n", what);
    before = failures;
}

static void stop(void *user) { spindle_stop(user); }
static void nothing(void *user) { (void)user; }
static void nothing_there(spindle_reactor *reactor, void *user) { (void)reactor, (void)user; }

static spindle_callbacks none = SPINDLE_CALLBACKS_INIT;

static void null_everywhere(void) {
    spindle_reactor *reactor;
    char buffer[8];

    EXPECT(spindle_new(NULL, NULL), SPINDLE_EINVAL, "reactor is NULL");
    EXPECT(spindle_run(NULL), SPINDLE_EHANDLE, "the reactor is NULL");
    EXPECT(spindle_stop(NULL), SPINDLE_EHANDLE, "the reactor is NULL");
    EXPECT(spindle_free(NULL), SPINDLE_EHANDLE, "the reactor is NULL");
    EXPECT(spindle_event_base(NULL) == NULL, 1, "");
    EXPECT(spindle_call_from_thread(NULL, nothing_there, NULL), SPINDLE_EHANDLE, "the reactor is NULL");
    EXPECT(spindle_call_later(NULL, 0, nothing, NULL, NULL), SPINDLE_EHANDLE, "the reactor is NULL");
    EXPECT(spindle_cancel(NULL), SPINDLE_EHANDLE, "the timer is NULL");
    EXPECT(spindle_connect(NULL, "tcp:a:1", &none, NULL, NULL), SPINDLE_EHANDLE, "the reactor is NULL");
    EXPECT(spindle_write(NULL, "x", 1), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_set_marks(NULL, 0, 0), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_close(NULL), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_abort(NULL), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_finish_writing(NULL), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_pause(NULL), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_resume(NULL), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_set_user(NULL, NULL), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_user(NULL) == NULL, 1, "");
    EXPECT(spindle_peer(NULL, buffer, sizeof buffer), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_host(NULL, buffer, sizeof buffer), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_descriptor(NULL), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_adopt_bufferevent(NULL, NULL, &none, NULL, NULL), SPINDLE_EHANDLE, "the reactor is NULL");
    EXPECT(spindle_detach_bufferevent(NULL, NULL, 0, NULL), SPINDLE_EHANDLE, "the connection is NULL");
    EXPECT(spindle_bufferevent(NULL) == NULL, 1, "");
    EXPECT(spindle_listen(NULL, "tcp:0", &none, NULL, NULL), SPINDLE_EHANDLE, "the reactor is NULL");
    EXPECT(spindle_mount(NULL, "a", "tcp:0", NULL, NULL), SPINDLE_EHANDLE, "the reactor is NULL");
    EXPECT(spindle_port_address(NULL, buffer, sizeof buffer), SPINDLE_EHANDLE, "the port is NULL");
    EXPECT(spindle_port_number(NULL), SPINDLE_EHANDLE, "the port is NULL");
    EXPECT(spindle_port_close(NULL), SPINDLE_EHANDLE, "the port is NULL");
    EXPECT(spindle_attach(NULL, NULL, &reactor), SPINDLE_EINVAL, "it is NULL");
    EXPECT(spindle_detach(NULL), SPINDLE_EINVAL, "base is NULL");

    EXPECT(spindle_new(NULL, &reactor), 0, "");
    EXPECT(spindle_call_from_thread(reactor, NULL, NULL), SPINDLE_EINVAL, "call is NULL");
    EXPECT(spindle_call_later(reactor, 0, NULL, NULL, NULL), SPINDLE_EINVAL, "call is NULL");
    EXPECT(spindle_connect(reactor, NULL, &none, NULL, NULL), SPINDLE_EINVAL, "endpoint is NULL");
    EXPECT(spindle_connect(reactor, "tcp:a:1", NULL, NULL, NULL), SPINDLE_EINVAL, "callbacks is NULL");
    EXPECT(spindle_adopt_bufferevent(reactor, NULL, &none, NULL, NULL), SPINDLE_EINVAL, "it is NULL");
    EXPECT(spindle_listen(reactor, NULL, &none, NULL, NULL), SPINDLE_EINVAL, "endpoint is NULL");
    EXPECT(spindle_listen(reactor, "tcp:0", NULL, NULL, NULL), SPINDLE_EINVAL, "callbacks is NULL");
    EXPECT(spindle_mount(reactor, NULL, "tcp:0", NULL, NULL), SPINDLE_EINVAL, "factory is NULL");
    EXPECT(spindle_mount(reactor, "a", "tcp:0", NULL, NULL), SPINDLE_EFACTORY, "there is no factory \"a\"");
    EXPECT(spindle_free(reactor), 0, "");
    passed("NULL for each argument is an error that names it");
}

static void wrong_values(void) {
    spindle_reactor *reactor;
    spindle_port *port;
    spindle_options options = SPINDLE_OPTIONS_INIT;
    spindle_callbacks callbacks = none;
    struct {
        spindle_callbacks known;
        void *later;
    } newer;
    char endpoint[64], tiny[4];

    options.size = 0;
    EXPECT(spindle_new(&options, &reactor), SPINDLE_EINVAL, "options->size is 0");
    EXPECT(spindle_new(NULL, &reactor), 0, "");
    callbacks.size = 1;
    EXPECT(spindle_listen(reactor, "tcp:0", &callbacks, NULL, NULL), SPINDLE_EINVAL, "callbacks->size is 1");
    /* From a program made for a later version: what is not used there may be there. */
    memset(&newer, 0, sizeof newer);
    newer.known.size = sizeof newer;
    EXPECT(spindle_listen(reactor, "tcp:0:interface=127.0.0.1", &newer.known, NULL, &port), 0, "");
    EXPECT(spindle_port_close(port), 0, "");
    newer.later = &newer;
    EXPECT(spindle_listen(reactor, "tcp:0", &newer.known, NULL, NULL), SPINDLE_EINVAL, "does not have");

    EXPECT(spindle_call_later(reactor, -1, nothing, NULL, NULL), SPINDLE_EINVAL, "seconds is -1");
    EXPECT(spindle_call_later(reactor, 1e300, nothing, NULL, NULL), SPINDLE_EINVAL, "seconds is 1e+300");
    EXPECT(spindle_call_later(reactor, strtod("nan", NULL), nothing, NULL, NULL), SPINDLE_EINVAL, "seconds is nan");
    EXPECT(spindle_connect(reactor, "", &none, NULL, NULL), SPINDLE_EENDPOINT, "endpoint \"\"");
    EXPECT(spindle_connect(reactor, "tpc:a:1", &none, NULL, NULL), SPINDLE_EENDPOINT, "there is no \"tpc\"");
    EXPECT(spindle_listen(reactor, "tcp:\xff", &none, NULL, NULL), SPINDLE_EENDPOINT, "endpoint");
    EXPECT(spindle_listen(reactor, "tcp:0:interface=127.0.0.1", &none, NULL, &port), 0, "");
    sprintf(endpoint, "tcp:%d:interface=127.0.0.1", spindle_port_number(port));
    EXPECT(spindle_listen(reactor, endpoint, &none, NULL, NULL), SPINDLE_ELISTEN, "Address already in use");
    EXPECT(spindle_port_address(port, NULL, 5), SPINDLE_EINVAL, "buffer is NULL");
    EXPECT(spindle_port_address(port, NULL, 0) > 10, 1, "");
    EXPECT(spindle_port_address(port, tiny, sizeof tiny) > 10, 1, "");
    EXPECT(strcmp(tiny, "127"), 0, "");
    EXPECT(spindle_free(reactor), 0, "");
    EXPECT(strcmp(spindle_strerror(SPINDLE_EREFUSED), "connection refused"), 0, "");
    EXPECT(strcmp(spindle_strerror(-99), "no code of libspindle's"), 0, "");
    passed("wrong values are errors that name them");
}

/* What became of connections, told by `lost`. */
struct end {
    spindle_reactor *reactor;
    spindle_connection *connection;
    int count, reason;
};

static void ended(spindle_connection *connection, int reason, const char *text, void *user) {
    struct end *end = user;
    (void)text;
    end->count++;
    end->reason = reason;
    EXPECT(spindle_write(connection, "x", 1), SPINDLE_ESTATE, "not there");
    EXPECT(spindle_close(connection), 0, "");
    spindle_stop(end->reactor);
}

static void stale_handles(void) {
    struct end end = {NULL, NULL, 0, 0};
    spindle_callbacks callbacks = none;
    spindle_port *port;
    spindle_timer *timer, *stopper;
    char endpoint[64];

    callbacks.lost = ended;
    EXPECT(spindle_new(NULL, &end.reactor), 0, "");
    EXPECT(spindle_listen(end.reactor, "tcp:0:interface=127.0.0.1", &none, NULL, &port), 0, "");
    sprintf(endpoint, "tcp:127.0.0.1:%d", spindle_port_number(port));
    EXPECT(spindle_port_close(port), 0, "");
    EXPECT(spindle_port_close(port), SPINDLE_EHANDLE, "the port is over");
    EXPECT(spindle_cancel((spindle_timer *)end.reactor), SPINDLE_EHANDLE, "the timer is over, or never was");
    EXPECT(spindle_cancel((spindle_timer *)&end), SPINDLE_EHANDLE, "the timer is over, or never was");
    EXPECT(spindle_cancel((spindle_timer *)-1L), SPINDLE_EHANDLE, "the timer is over, or never was");

    EXPECT(spindle_connect(end.reactor, endpoint, &callbacks, &end, &end.connection), 0, "");
    EXPECT(spindle_write(end.connection, "x", 1), SPINDLE_ESTATE, "not there");
    EXPECT(spindle_peer(end.connection, endpoint, sizeof endpoint), SPINDLE_ESTATE, "not there");
    EXPECT(spindle_user(end.connection) == &end, 1, "");
    EXPECT(spindle_run(end.reactor), 0, "");
    EXPECT(end.count, 1, "");
    EXPECT(end.reason, SPINDLE_EREFUSED, "");
    EXPECT(spindle_write(end.connection, "x", 1), SPINDLE_EHANDLE, "the connection is over");
    EXPECT(spindle_user(end.connection) == NULL, 1, "");

    EXPECT(spindle_connect(end.reactor, "tcp:127.0.0.1:1", &callbacks, &end, &end.connection), 0, "");
    EXPECT(spindle_close(end.connection), 0, "");
    EXPECT(end.count, 1, "");
    EXPECT(spindle_run(end.reactor), 0, "");
    EXPECT(end.count, 2, "");
    EXPECT(end.reason, SPINDLE_ECANCELLED, "");

    EXPECT(spindle_call_later(end.reactor, 60, nothing, NULL, &timer), 0, "");
    EXPECT(spindle_call_later(end.reactor, 0, stop, end.reactor, &stopper), 0, "");
    EXPECT(spindle_listen(end.reactor, "tcp:0:interface=127.0.0.1", &none, NULL, &port), 0, "");
    EXPECT(spindle_run(end.reactor), 0, "");
    EXPECT(spindle_cancel(stopper), SPINDLE_EHANDLE, "the timer is over");
    EXPECT(spindle_cancel(timer), SPINDLE_EHANDLE, "the timer is over");
    EXPECT(spindle_port_close(port), 0, "");
    EXPECT(spindle_call_later(end.reactor, 60, nothing, NULL, &timer), 0, "");
    EXPECT(spindle_cancel(timer), 0, "");
    EXPECT(spindle_cancel(timer), SPINDLE_EHANDLE, "the timer is over");

    EXPECT(spindle_connect(end.reactor, "tcp:127.0.0.1:1", &callbacks, &end, &end.connection), 0, "");
    EXPECT(spindle_free(end.reactor), 0, "");
    EXPECT(end.count, 3, "");
    EXPECT(end.reason, SPINDLE_EABORTED, "");
    EXPECT(spindle_free(end.reactor), SPINDLE_EHANDLE, "the reactor is over");
    EXPECT(spindle_call_from_thread(end.reactor, nothing_there, NULL), SPINDLE_EHANDLE, "the reactor is over");
    EXPECT(spindle_event_base(end.reactor) == NULL, 1, "");
    passed("handles of what is over, or of another kind, are found out");
}

static void run_again(void *user) {
    EXPECT(spindle_run(user), SPINDLE_ESTATE, "running already");
    EXPECT(spindle_free(user), SPINDLE_ESTATE, "running already");
    spindle_stop(user);
}

static void wrong_state(void) {
    spindle_reactor *reactor;
    EXPECT(spindle_new(NULL, &reactor), 0, "");
    EXPECT(spindle_call_later(reactor, 0, run_again, reactor, NULL), 0, "");
    EXPECT(spindle_run(reactor), 0, "");
    EXPECT(spindle_free(reactor), 0, "");
    passed("running twice and freeing what runs are errors");
}

static void *on_another_thread(void *reactor) {
    EXPECT(spindle_call_later(reactor, 0, nothing, NULL, NULL), SPINDLE_ETHREAD, "another thread");
    EXPECT(spindle_listen(reactor, "tcp:0", &none, NULL, NULL), SPINDLE_ETHREAD, "another thread");
    EXPECT(spindle_free(reactor), SPINDLE_ETHREAD, "another thread");
    EXPECT(strncmp(spindle_last_error(), "spindle_free: ", 14), 0, "");
    EXPECT(spindle_stop(reactor), 0, "");
    return NULL;
}

static void wrong_thread(void) {
    spindle_reactor *reactor;
    pthread_t thread;
    EXPECT(spindle_new(NULL, &reactor), 0, "");
    EXPECT(spindle_cancel(NULL), SPINDLE_EHANDLE, "spindle_cancel: ");
    pthread_create(&thread, NULL, on_another_thread, reactor);
    pthread_join(thread, NULL);
    EXPECT(strncmp(spindle_last_error(), "spindle_cancel: ", 16), 0, "");
    EXPECT(spindle_free(reactor), 0, "");
    passed("another thread is told so; each thread has its own last error");
}

static struct event_base *base;

static void *attach_on_another_thread(void *reactor) {
    (void)reactor;
    EXPECT(spindle_attach(base, NULL, NULL), SPINDLE_ETHREAD, "another thread");
    EXPECT(spindle_detach(base), SPINDLE_ETHREAD, "another thread");
    return NULL;
}

static void attaching(void) {
    spindle_reactor *reactor, *again;
    pthread_t thread;
    struct end end = {NULL, NULL, 0, 0};
    spindle_callbacks callbacks = none;
    spindle_timer *timer;

    base = event_base_new();
    EXPECT(spindle_detach(base), SPINDLE_EHANDLE, "nothing is attached");
    EXPECT(spindle_attach(base, NULL, &reactor), 0, "");
    EXPECT(spindle_attach(base, NULL, &again), 0, "");
    EXPECT(reactor == again, 1, "");
    EXPECT(spindle_event_base(reactor) == base, 1, "");
    EXPECT(spindle_run(reactor), SPINDLE_ESTATE, "whose loop C runs");
    EXPECT(spindle_free(reactor), SPINDLE_ESTATE, "that is what to detach");
    pthread_create(&thread, NULL, attach_on_another_thread, NULL);
    pthread_join(thread, NULL);

    end.reactor = reactor;
    callbacks.lost = ended;
    EXPECT(spindle_call_later(reactor, 60, nothing, NULL, &timer), 0, "");
    EXPECT(spindle_connect(reactor, "tcp:127.0.0.1:1", &callbacks, &end, &end.connection), 0, "");
    EXPECT(spindle_detach(base), 0, "");
    EXPECT(end.count, 1, "");
    EXPECT(spindle_detach(base), SPINDLE_EHANDLE, "nothing is attached");
    EXPECT(spindle_cancel(timer), SPINDLE_EHANDLE, "the timer is over");
    EXPECT(spindle_call_later(reactor, 0, nothing, NULL, NULL), SPINDLE_EHANDLE, "the reactor is over");
    EXPECT(spindle_close(end.connection), SPINDLE_EHANDLE, "the connection is over");
    EXPECT(event_base_dispatch(base), 1, "");
    event_base_free(base);
    passed("attaching and detaching on another thread, or what is not attached, is an error");
}

int main(void) {
    null_everywhere();
    wrong_values();
    stale_handles();
    wrong_state();
    wrong_thread();
    attaching();
    return failures > 0;
}
