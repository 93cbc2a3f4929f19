/*
 * Forwards connections: spindle.h alone, with a loop of its own.
 *
 *     forward tcp:8000 tcp:example.com:80
 *
 * Both sides flow at the pace of the slower one, and each learns of the other's end. Stop it with Ctrl-C.
 */
#include <spindle.h>

#include <stdio.h>
#include <stdlib.h>

/* A connection that was accepted and the one that was made for it. Each has its pair as user pointer. */
struct pair {
    spindle_connection *accepted, *made;
    int accepted_is_over, made_is_over;
};

static spindle_reactor *reactor;
static const char *target;
static spindle_callbacks made_callbacks;

static spindle_connection *other(struct pair *pair, spindle_connection *connection) {
    return connection == pair->accepted ? pair->made : pair->accepted;
}

static void accepted(spindle_connection *connection, void *user) {
    struct pair *pair = calloc(1, sizeof *pair);
    (void)user;
    if (pair == NULL) {
        spindle_abort(connection);
        return;
    }
    pair->accepted = connection;
    spindle_set_user(connection, pair);
    spindle_pause(connection); /* until there is somebody to hand its bytes to */
    if (spindle_connect(reactor, target, &made_callbacks, pair, &pair->made) < 0) {
        fprintf(stderr, "%s\n", spindle_last_error());
        pair->made_is_over = 1;
        spindle_abort(connection);
    }
}

static void made(spindle_connection *connection, void *user) {
    struct pair *pair = user;
    (void)connection;
    spindle_resume(pair->accepted);
}

static void received(spindle_connection *connection, const void *data, size_t length, void *user) {
    /* When more waits than is good, let this side's peer wait until `drained`. */
    if (spindle_write(other(user, connection), data, length) == SPINDLE_FULL) spindle_pause(connection);
}

static void drained(spindle_connection *connection, void *user) {
    spindle_resume(other(user, connection));
}

static void read_ended(spindle_connection *connection, void *user) {
    spindle_finish_writing(other(user, connection));
}

static void lost(spindle_connection *connection, int reason, const char *text, void *user) {
    struct pair *pair = user;
    if (reason < 0) fprintf(stderr, "%s\n", text);
    if (pair == NULL) return; /* there was no memory for one */
    if (connection == pair->accepted) pair->accepted_is_over = 1;
    else pair->made_is_over = 1;
    if (pair->accepted_is_over && pair->made_is_over) free(pair);
    else if (reason < 0) spindle_abort(other(pair, connection));
    else spindle_close(other(pair, connection));
}

int main(int count, char **arguments) {
    spindle_callbacks callbacks = SPINDLE_CALLBACKS_INIT;
    spindle_port *port;
    char address[128];
    int status;

    if (count != 3) {
        fprintf(stderr, "usage: %s LISTEN CONNECT, two endpoints such as tcp:8000 and tcp:example.com:80\n", arguments[0]);
        return 2;
    }
    target = arguments[2];
    callbacks.connected = accepted;
    callbacks.received = received;
    callbacks.drained = drained;
    callbacks.read_ended = read_ended;
    callbacks.lost = lost;
    made_callbacks = callbacks;
    made_callbacks.connected = made;

    if (spindle_new(NULL, &reactor) < 0 || spindle_listen(reactor, arguments[1], &callbacks, NULL, &port) < 0) {
        fprintf(stderr, "%s\n", spindle_last_error());
        return 1;
    }
    spindle_port_address(port, address, sizeof address);
    printf("forwarding %s to %s\n", address, target);
    fflush(stdout);
    status = spindle_run(reactor);
    if (status < 0) fprintf(stderr, "%s\n", spindle_last_error());
    spindle_free(reactor);
    return status < 0;
}
