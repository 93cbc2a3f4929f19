/* A program with a copy of libevent of its own, linked statically and hidden. Attaching to its event_base has to be refused. */
#include <event2/event.h>
#include <spindle.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    struct event_base *base = event_base_new();
    spindle_reactor *reactor = NULL;
    int status = spindle_attach(base, NULL, &reactor);
    event_base_free(base);
    if (status != SPINDLE_EBASE || strstr(spindle_last_error(), "another copy of libevent") == NULL) {
        printf("static.c: attaching to another copy's event_base is %d: %s\n", status, spindle_last_error());
        return 1;
    }
    puts("ok: the event_base of a program that is linked with libevent statically, and hides it, is refused");
    return 0;
}
