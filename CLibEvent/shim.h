/*
 * What Spindle sees of libevent: the core library only. HTTP, DNS, RPC and
 * OpenSSL live in other shared objects that a program may not want.
 *
 * The `*_struct.h` headers stay out on purpose: without them `struct event`
 * and `struct bufferevent` are opaque, so nothing here depends on their layout.
 */
#ifndef SPINDLE_CLIBEVENT_SHIM_H
#define SPINDLE_CLIBEVENT_SHIM_H

/* First, always: the C library as Swift's own Glibc module has it. libevent's headers
 * include it as well, and what this module declared a second time Swift would at random
 * take from here or from there (`MSG_NOSIGNAL`, `iovec`), or find to differ (`fd_set`, once
 * event2/event-config.h has defined _GNU_SOURCE). After the import their include guards
 * are set and they add nothing. See docs/workarounds.md. */
#pragma clang module import SwiftGlibc

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>

#if LIBEVENT_VERSION_NUMBER < 0x02010c00
#error "Spindle needs libevent 2.1.12 or newer (Debian and Ubuntu: apt-get install libevent-dev)"
#endif

#endif
