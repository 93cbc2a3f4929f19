/* What the server shows to the code that administers it: Admin.swift. */
#ifndef SERVER_H
#define SERVER_H

#include <sys/queue.h>

struct server {
    struct event_base *base;
    LIST_HEAD(, client) clients;
    unsigned long connections; /* that are open */
    unsigned long accepted;    /* ever */
    unsigned long bytes;       /* echoed */
    char greeting[64];         /* said to each who comes */
};

/* Ends the server's loop. */
void server_stop(struct server *server);

/* In Admin.swift: makes the factory "admin" known, whose user pointer is to be a server. */
void admin_register(void);

#endif
