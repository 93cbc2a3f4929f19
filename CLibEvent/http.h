/*
 * What SpindleEvHTTP sees of libevent: evhttp, which lives in a shared object of its own.
 * Including shim.h makes this module use CLibEvent's declarations instead of having its own.
 */
#ifndef SPINDLE_CLIBEVENT_HTTP_H
#define SPINDLE_CLIBEVENT_HTTP_H

#include "shim.h"

#include <event2/http.h>
/* The headers of a request: there is no function that walks through them. */
#include <event2/keyvalq_struct.h>

#endif
