/*
 * libspindle: Spindle for C programs.
 *
 * Spindle is an event-driven network library on libevent: listening and connecting by endpoint strings, TCP and UNIX
 * sockets, name look-up, flow control, orderly closing, timers, calls from other threads. A C program uses it with a
 * loop of its own (spindle_new), or on the event_base that it runs anyway (spindle_attach), beside its own events.
 *
 *     #include <spindle.h>
 *     #include <stdio.h>
 *
 *     static void received(spindle_connection *c, const void *data, size_t length, void *user) {
 *         spindle_write(c, data, length);
 *     }
 *
 *     int main(void) {
 *         spindle_reactor *reactor;
 *         spindle_callbacks echo = SPINDLE_CALLBACKS_INIT;
 *         echo.received = received;
 *         if (spindle_new(NULL, &reactor) < 0 || spindle_listen(reactor, "tcp:8000", &echo, NULL, NULL) < 0) {
 *             fprintf(stderr, "%s\n", spindle_last_error());
 *             return 1;
 *         }
 *         return spindle_run(reactor) < 0;
 *     }
 *
 *     cc echo.c $(pkg-config --cflags --libs spindle)
 *
 * Handles. spindle_reactor, spindle_port, spindle_connection and spindle_timer are handles: names, not addresses.
 * There is nothing to free. Each says below how long it is valid; a call with one that is not valid any more, or never
 * was, does nothing and returns SPINDLE_EHANDLE. So does one with NULL, which is never a handle.
 *
 * Results. Functions return 0 or a positive number for success and one of the negative codes below for an error, of
 * which spindle_last_error() then has a text that names what was wrong. What they return through a pointer is set only
 * on success; such a pointer may be NULL if nobody wants to know, but for spindle_new()'s.
 *
 * Threads. A reactor, and all that lives on it, belongs to one thread: that which calls spindle_run(), or the one on
 * which C runs the event_base that it is attached to, and until the first callback there the one that made it. An
 * attached one whose thread has ended belongs to the next that uses it, as after pthread_join(). A call
 * on any other thread does nothing and returns SPINDLE_ETHREAD, but for spindle_call_from_thread() and spindle_stop(),
 * which are for any thread, and the functions that concern no reactor. A program may have several reactors.
 *
 * Callbacks are called on the reactor's thread, one at a time: never while another callback of the same reactor is on
 * the stack. So none comes from inside a function of this header, but for spindle_run(), and `lost` from inside
 * spindle_detach() and spindle_free(). From a callback every function
 * may be called but spindle_run() and spindle_free(). They must not throw C++ exceptions, nor longjmp
 * out. `user` pointers are passed through and never looked at; who owns what they point to is C's own business.
 *
 * Memory. Data passed in is copied or sent before the function returns. Data passed to a callback is lent until that
 * returns. Strings are UTF-8 and end with a zero byte.
 *
 * The structs that are passed in have a member `size`, which the caller sets to the size of the struct as it knows it:
 * that is how later versions can add members.
 */
#ifndef SPINDLE_H
#define SPINDLE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Versions -------------------------------------------------------------------------------------------------------- */

/* The version of this header: major, minor and patch, one byte each. */
#define SPINDLE_VERSION_NUMBER 0x000100
#define SPINDLE_VERSION "0.1.0"

/* The version of the library that is there at run time, as SPINDLE_VERSION_NUMBER. Any thread. */
int spindle_version(void);

/* Errors ---------------------------------------------------------------------------------------------------------- */

#define SPINDLE_OK 0
/* Not an error: a write was taken, and more waits to be sent than is good. See spindle_write(). */
#define SPINDLE_FULL 1

/* An argument is NULL that must not be, or has a value that it cannot have. */
#define SPINDLE_EINVAL (-1)
/* The handle is not valid: what it named is over, or there never was such a thing. */
#define SPINDLE_EHANDLE (-2)
/* Called on another thread than the reactor's. */
#define SPINDLE_ETHREAD (-3)
/* Not now: the connection is not open yet or is closing, the reactor is running or is not. */
#define SPINDLE_ESTATE (-4)
/* The event_base cannot be attached to: another copy of libevent made it. */
#define SPINDLE_EBASE (-5)
/* The endpoint string is none. */
#define SPINDLE_EENDPOINT (-6)
/* Cannot listen: the port is in use, permission is lacking. */
#define SPINDLE_ELISTEN (-7)
/* No factory was registered under this name. */
#define SPINDLE_EFACTORY (-8)
/* The kernel refuses: out of descriptors or memory. */
#define SPINDLE_ESYSTEM (-9)
/* Why a connection could not be made, or ended: see `lost` in spindle_callbacks. */
#define SPINDLE_ELOST (-10)      /* it broke: reset by the peer, a time limit of the network */
#define SPINDLE_EABORTED (-11)   /* spindle_abort(), or a time limit of this end */
#define SPINDLE_EREFUSED (-12)   /* nobody listens there */
#define SPINDLE_EUNREACHABLE (-13) /* there is no way there */
#define SPINDLE_ETIMEOUT (-14)   /* no answer in time */
#define SPINDLE_ELOOKUP (-15)    /* the host's name cannot be looked up */
#define SPINDLE_ECANCELLED (-16) /* called off by spindle_close() or spindle_abort() */
/* Anything else; the text says what. */
#define SPINDLE_EOTHER (-17)

/* What a code means, in general; also of codes that there are not. Static memory. Any thread. */
const char *spindle_strerror(int code);

/* What was wrong the last time that a function of this header returned an error on the calling thread: a line that
 * begins with the function's name. Empty if none has. There is one buffer for each thread, which the next error
 * overwrites. Any thread. */
const char *spindle_last_error(void);

/* Reactors -------------------------------------------------------------------------------------------------------- */

/* A loop and all that lives on it. Valid until spindle_free() or spindle_detach(). */
typedef struct spindle_reactor spindle_reactor;

/* libevent's own; its headers are not needed here. */
struct event_base;
struct bufferevent;

#define SPINDLE_LOG_ERROR 0
#define SPINDLE_LOG_WARNING 1
#define SPINDLE_LOG_INFO 2
#define SPINDLE_LOG_DEBUG 3

/* How a reactor behaves: SPINDLE_OPTIONS_INIT, and then what should be otherwise. */
typedef struct spindle_options {
    size_t size;
    /* Gets what the reactor has to say, a line without its end. Called on any thread, also inside functions of this
     * header. If it is NULL, warnings and errors go to standard error. */
    void (*log)(int level, const char *text, void *user);
    void *log_user;
    /* Do not have SIGINT and SIGTERM end spindle_run() on the main thread. Never done on an attached base. */
    int leaves_signals_alone;
    /* Do not have SIGPIPE ignored. It is, where nothing else was chosen for it, because libevent's writev() to a
     * connection whose peer has gone would otherwise end the process. */
    int leaves_sigpipe_alone;
    /* Attached bases: have event_base_dispatch() go on while nothing is open, as for spindle_call_from_thread().
     * Without it a dispatch that has nothing left to wait for returns, as it would without Spindle. */
    int keeps_loop_alive;
} spindle_options;
#define SPINDLE_OPTIONS_INIT {sizeof(spindle_options), NULL, NULL, 0, 0, 0}

/* Makes a reactor with a loop of its own, which spindle_run() runs.
 *
 * options may be NULL, and is copied. The reactor is the caller's to free with spindle_free(). It belongs to the
 * calling thread, or to that which calls spindle_run().
 * Errors: SPINDLE_EINVAL, SPINDLE_ESYSTEM. */
int spindle_new(const spindle_options *options, spindle_reactor **reactor);

/* Runs the loop on the calling thread until spindle_stop(), or SIGINT or SIGTERM on the main thread.
 *
 * When told to stop it closes ports and connections, gives those a few seconds to send what they still have to, and
 * returns 0. It may be called again. Timers that have not come by then are cancelled.
 * Errors: SPINDLE_ESTATE when it runs already or is attached to a base: C runs that; SPINDLE_ESYSTEM. */
int spindle_run(spindle_reactor *reactor);

/* Has spindle_run() return when everything is closed. Any thread. Does nothing if it is not running.
 * On an attached base: closes everything in the same way, and C's loop goes on. */
int spindle_stop(spindle_reactor *reactor);

/* Frees a reactor that spindle_new() made. Handles of it, and of all that lives on it, are not valid any more.
 * Those that were to be made, and were not since spindle_run() was never called, end with `lost` before this returns.
 * Errors: SPINDLE_ESTATE while it runs, or if it is attached to a base. */
int spindle_free(spindle_reactor *reactor);

/* Attaches a reactor to an event_base that the program made and runs itself, with event_base_dispatch() for example.
 *
 * The base stays the caller's, and so do all other events on it. It need not know of threads
 * (evthread_use_pthreads()). A base has one reactor: attaching again gives the one that is there, whatever the
 * options, and one spindle_detach() ends it. Belongs to the calling thread until the first callback, then to that
 * which dispatches.
 * Errors: SPINDLE_EINVAL; SPINDLE_EBASE when the base was made by another copy of libevent than the one this library
 * uses, as in a program that has libevent_core.a inside and hides it: link it with the shared one; SPINDLE_ESYSTEM. */
int spindle_attach(struct event_base *base, const spindle_options *options, spindle_reactor **reactor);

/* Takes the reactor off the base, with everything that lives on it; to be called before event_base_free().
 *
 * Connections are aborted, and end with `lost` before this returns; ports close; timers and queued calls are
 * forgotten. Nothing of Spindle's is left on the base. Called by one of Spindle's callbacks, all this is done when
 * that returns.
 * Errors: SPINDLE_EINVAL, SPINDLE_ETHREAD, SPINDLE_EHANDLE when nothing is attached to it. */
int spindle_detach(struct event_base *base);

/* The event_base that a reactor waits on, for libevent events of the program's own. On its thread only; what is put
 * there is removed before the reactor is freed. NULL if the handle is not valid. */
struct event_base *spindle_event_base(spindle_reactor *reactor);

/* Has `call` called on the reactor's thread, soon. Any thread; in the order of these calls.
 *
 * It is never called if the reactor stops, is detached or freed before its turn. On an attached base that has nothing
 * else of Spindle's open, its turn comes when the loop next comes round, unless options.keeps_loop_alive was set.
 * Errors: SPINDLE_EINVAL, SPINDLE_EHANDLE. */
int spindle_call_from_thread(spindle_reactor *reactor, void (*call)(spindle_reactor *reactor, void *user), void *user);

/* Timers ---------------------------------------------------------------------------------------------------------- */

/* A call that is to come. Valid until it is made or cancelled, or its reactor ends. */
typedef struct spindle_timer spindle_timer;

/* Has `call` called once, `seconds` from now: never earlier, and never before this returns. timer may be NULL.
 * Errors: SPINDLE_EINVAL if seconds is negative, not a number, or more than 1e9. */
int spindle_call_later(
    spindle_reactor *reactor, double seconds, void (*call)(void *user), void *user, spindle_timer **timer);

/* Calls it off. SPINDLE_EHANDLE if it was made or cancelled already. */
int spindle_cancel(spindle_timer *timer);

/* Connections ----------------------------------------------------------------------------------------------------- */

/* One connection. Valid from spindle_connect(), spindle_adopt_bufferevent() or `connected` on, until `lost` has
 * returned. */
typedef struct spindle_connection spindle_connection;

/* What is called for a connection: SPINDLE_CALLBACKS_INIT, and then those that are wanted. Copied where it is passed.
 *
 * `user` is what spindle_listen() or spindle_connect() was given, or spindle_set_user() since. */
typedef struct spindle_callbacks {
    size_t size;
    /* The connection is there. Nothing else is called for it before this has returned. */
    void (*connected)(spindle_connection *connection, void *user);
    /* Bytes came in: some of a message, or several, as the network would have it. `data` is lent until this returns.
     * Not called after spindle_close() or spindle_abort(), nor while paused. */
    void (*received)(spindle_connection *connection, const void *data, size_t length, void *user);
    /* After a spindle_write() returned SPINDLE_FULL: little enough waits now to go on. Not called after
     * spindle_close(). */
    void (*drained)(spindle_connection *connection, void *user);
    /* The peer has finished sending and writing goes on, until spindle_close(). If this is NULL the
     * connection closes by itself then, when all that was written has been sent. */
    void (*read_ended)(spindle_connection *connection, void *user);
    /* The connection is over, or could not be made. Called exactly once for every handle.
     *
     * reason: SPINDLE_OK when the peer finished or spindle_close() is done; of one that was there SPINDLE_ELOST or
     * SPINDLE_EABORTED; of one that never was SPINDLE_EREFUSED, _EUNREACHABLE, _ETIMEOUT, _ELOOKUP, _ECANCELLED or
     * _EOTHER. `text` says it in words and is lent. Not called after spindle_detach_bufferevent(). */
    void (*lost)(spindle_connection *connection, int reason, const char *text, void *user);
} spindle_callbacks;
#define SPINDLE_CALLBACKS_INIT {sizeof(spindle_callbacks), NULL, NULL, NULL, NULL, NULL}

/* Connects to where a string says: "tcp:example.com:80:timeout=10" (IPv6 and IPv4, whichever answers first),
 * "tcp6:host:port", "unix:/run/app.sock", "unix:@name".
 *
 * `connected` or `lost` follows; neither before this returns. connection, which may be NULL, is valid at once:
 * spindle_close() and spindle_abort() call the attempt off.
 * Errors: SPINDLE_EINVAL, SPINDLE_EENDPOINT. */
int spindle_connect(
    spindle_reactor *reactor, const char *endpoint, const spindle_callbacks *callbacks, void *user,
    spindle_connection **connection);

/* Sends bytes after all that was written before. Never blocks, takes any amount: what the kernel will not take yet
 * waits in memory.
 *
 * Returns SPINDLE_FULL if more waits now than the high mark (64 KiB): it was taken, but better write no more until
 * `drained`, which follows once no more than the low mark (16 KiB) waits. data may be NULL if length is 0.
 * Errors: SPINDLE_EINVAL; SPINDLE_ESTATE when not connected yet or closing: the bytes are dropped. */
int spindle_write(spindle_connection *connection, const void *data, size_t length);

/* Changes the marks of spindle_write(). SPINDLE_EINVAL unless low <= high. */
int spindle_set_marks(spindle_connection *connection, size_t low, size_t high);

/* Closes when all that was written before has been sent. `received` is not called any more; `lost` follows, never
 * before this returns. A peer that takes nothing for a minute is cut off. One that is still connecting: called off. */
int spindle_close(spindle_connection *connection);

/* Drops what is unsent and resets the connection. `lost` follows, never before this returns. */
int spindle_abort(spindle_connection *connection);

/* Finishes sending: the peer sees the end when it has read all that was written. Receiving goes on.
 * Errors: SPINDLE_ESTATE when not connected yet. */
int spindle_finish_writing(spindle_connection *connection);

/* Stops receiving, at once; the network then slows the peer down. SPINDLE_ESTATE when not connected yet. */
int spindle_pause(spindle_connection *connection);

/* Receives again. SPINDLE_ESTATE when not connected yet. */
int spindle_resume(spindle_connection *connection);

/* What the connection's callbacks get as `user` from now on. */
int spindle_set_user(spindle_connection *connection, void *user);

/* The user pointer; NULL if the handle is not valid. */
void *spindle_user(spindle_connection *connection);

/* The address of the other end, or of this one, as text: "127.0.0.1:8000", "[::1]:8000", a path.
 *
 * Written to buffer as snprintf() does: as much as size has room for, always with a zero byte, unless size is 0.
 * Returns the length of the whole text. buffer may be NULL if size is 0.
 * Errors: SPINDLE_EINVAL; SPINDLE_ESTATE when not connected yet. */
int spindle_peer(spindle_connection *connection, char *buffer, size_t size);
int spindle_host(spindle_connection *connection, char *buffer, size_t size);

/* The descriptor, for what this header has no function for: do not close it, and neither read nor write by it.
 * Errors: SPINDLE_ESTATE when there is none (yet, or any more). */
int spindle_descriptor(spindle_connection *connection);

/* Bufferevents ---------------------------------------------------------------------------------------------------- */

/* Takes over a bufferevent of the program's own, on the reactor's event_base: a socket's, OpenSSL's, a filter, or one of
 * a pair; connected, or told to connect.
 *
 * `connected` or `lost` follows; neither before this returns. What is in its input is received first, and what is in
 * its output is sent first. From here on it is Spindle's, and freed when the connection ends, a socket's own together
 * with its descriptor; C may still write to it, set its timeouts and read its figures. Its callbacks, watermarks and
 * enabled flags are set aside for spindle_detach_bufferevent(). connection may be NULL.
 * Errors: SPINDLE_EINVAL when it is NULL or on another base; SPINDLE_ESTATE when a connection has it already, the other
 * one of its pair is gone, or the reactor stops. It is as it was then. */
int spindle_adopt_bufferevent(
    spindle_reactor *reactor, struct bufferevent *bufferevent, const spindle_callbacks *callbacks, void *user,
    spindle_connection **connection);

/* Gives the bufferevent of such a connection back, for the caller to use and to free: with its callbacks, their
 * argument, watermarks and enabled flags as they were.
 *
 * What was written is in its output, unless it has left. What came in and was not received is in its input, behind
 * `rest`: what of the bytes of this call of `received` C is to read there, NULL if length is 0. If there is any,
 * libevent calls its read callback. The handle is not valid any more, and none of its callbacks is called.
 * Errors: SPINDLE_EINVAL; SPINDLE_ESTATE when the connection was not made from a bufferevent or is closing;
 * SPINDLE_ESYSTEM. The connection goes on then. */
int spindle_detach_bufferevent(
    spindle_connection *connection, const void *rest, size_t length, struct bufferevent **bufferevent);

/* The bufferevent that a connection goes by, for code that writes to one, as with evbuffer_add_printf().
 *
 * Any connection's: it is made when it is first asked for, and from then on all goes through it, which costs some
 * speed. What is written to it keeps its place among what spindle_write() wrote. Do not free it, read from it, disable it,
 * or set its callbacks or watermarks. NULL if there is none: before `connected`, when the connection is past sending, or the
 * handle is not valid. */
struct bufferevent *spindle_bufferevent(spindle_connection *connection);

/* Ports ----------------------------------------------------------------------------------------------------------- */

/* A place where connections are accepted. Valid until spindle_port_close(), or its reactor ends; spindle_stop()
 * closes it. */
typedef struct spindle_port spindle_port;

/* Listens where a string says: "tcp:8000", "tcp:0:interface=127.0.0.1" (port 0: any that is free), "tcp6:8000",
 * "unix:/run/app.sock:mode=660", "systemd:name=web".
 *
 * Each connection accepted begins with `connected`, with `user` as its user pointer. port may be NULL.
 * Errors: SPINDLE_EINVAL, SPINDLE_EENDPOINT, SPINDLE_ELISTEN, SPINDLE_ESTATE while the reactor stops. */
int spindle_listen(
    spindle_reactor *reactor, const char *endpoint, const spindle_callbacks *callbacks, void *user,
    spindle_port **port);

/* Where it listens, as spindle_peer() has it. */
int spindle_port_address(spindle_port *port, char *buffer, size_t size);

/* The number of a TCP port; 0 of a UNIX socket. */
int spindle_port_number(spindle_port *port);

/* Accepts no more. Connections that are open live on. The port is free when this returns. */
int spindle_port_close(spindle_port *port);

/* Swift factories ------------------------------------------------------------------------------------------------- */

/* Listens with a factory that Swift code of this process has registered by name:
 *
 *     SpindleRegistry.register("admin") { reactor, user in AdminFactory() }
 *
 * user is handed to that closure. port may be NULL.
 * Errors: as spindle_listen(), and SPINDLE_EFACTORY if there is no such name or its closure threw. */
int spindle_mount(
    spindle_reactor *reactor, const char *factory, const char *endpoint, void *user, spindle_port **port);

#ifdef __cplusplus
}
#endif

#endif
