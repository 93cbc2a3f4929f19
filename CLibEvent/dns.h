/*
 * What SpindleDNS sees of libevent: evdns, which lives in a shared object of its own.
 * Including shim.h makes this module use CLibEvent's declarations instead of having its own.
 */
#ifndef SPINDLE_CLIBEVENT_DNS_H
#define SPINDLE_CLIBEVENT_DNS_H

#include "shim.h"

#include <event2/dns.h>

#endif
