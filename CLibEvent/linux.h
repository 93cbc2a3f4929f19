/*
 * What Spindle uses of Linux that Swift's Glibc module does not cover. No libevent in here.
 */
#ifndef SPINDLE_CLIBEVENT_LINUX_H
#define SPINDLE_CLIBEVENT_LINUX_H

/* First, and for the reason that shim.h gives. */
#pragma clang module import SwiftGlibc

/* Linux descriptors that Swift's Glibc module does not cover: the reactor waits
 * for other threads on an eventfd and for its earliest timer on a timerfd, and
 * has an epoll descriptor of its own for connections that nobody reads. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* gettid(2) has no prototype without _GNU_SOURCE, and syscall(2) is variadic,
 * which Swift cannot call. */
static inline int spindle_thread_id(void) {
    return (int)syscall(SYS_gettid);
}

/* The main thread is the one whose id is the process's. */
static inline int spindle_is_main_thread(void) {
    return spindle_thread_id() == getpid();
}

/* How many processors the calling thread may be scheduled on; 0 if the kernel does
 * not say. The call itself: sched_getaffinity(3) and its sets need _GNU_SOURCE. */
static inline int spindle_processor_count(void) {
    unsigned long set[1024] = {0}; /* 65,536 processors */
    int count = 0;
    long size = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
    for (long i = 0; i < size / (long)sizeof set[0]; i++) count += __builtin_popcountl(set[i]);
    return count;
}

/* accept4(2) has no prototype without _GNU_SOURCE. Non-blocking and close-on-exec from the
 * start: a program that another thread starts at this moment must not have the descriptor. */
static inline int spindle_accept(int descriptor, struct sockaddr *address, socklen_t *length) {
    return (int)syscall(SYS_accept4, descriptor, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* How a run loop that is not Dispatch's own serves the main queue, and with it
 * @MainActor: the descriptor becomes readable when the queue has work, the
 * function does the work. Exported by libdispatch for CFRunLoop, which is how
 * Foundation does it; there is no public way. */
extern int _dispatch_get_main_queue_handle_4CF(void);
extern void _dispatch_main_queue_callback_4CF(void *unused);

#endif
