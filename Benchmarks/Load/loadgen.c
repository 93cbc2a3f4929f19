// loadgen: keeps an echo server on 127.0.0.1 busy, checks every byte it sends back, and measures.
//
//     loadgen [-p SERVER_PID] [-w] PORT CONNECTIONS SIZE PIPELINE SECONDS
//
// Every connection keeps PIPELINE messages of SIZE bytes in flight for SECONDS. The first 15 % is warm-up; what comes
// after it is the window. One line on stdout reports the window: msgs/s, MB/s, latency in microseconds and, with -p,
// the server's CPU time per message in that same window. total= counts every message since the first connection.
//
// -w lets a script look at the server at rest: loadgen prints a line and waits for one on stdin, once when all
// connections are up (`connected`) and once when all echoes are home and the connections still open (the report).
//
// One thread, epoll. Exit status 2: a system call failed, 3: the server hung up or stalled, 4: a wrong byte came back.
#define _GNU_SOURCE
#include "client.h"

enum {
    PATTERN = 1 << 20,             // what connections send: this many bytes, over and over
    STALL_MS = 5000,               // no echo for this long: the server is stuck
};

typedef struct {
    int fd;
    uint64_t sent, received;       // bytes so far, which are also the positions in the pattern
    size_t owed;                   // bytes to send as soon as the socket takes them
    size_t partial;                // bytes received of a message not complete yet
    uint64_t asked;                // when the messages in flight were sent
} Connection;

static unsigned char pattern[PATTERN];
static Histogram histogram;

// Sends what is owed, as far as the socket takes it.
static void send_owed(Connection *c) {
    while (c->owed) {
        size_t at = c->sent % PATTERN, n = c->owed < PATTERN - at ? c->owed : PATTERN - at;
        ssize_t sent = send(c->fd, pattern + at, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) fail(2, "send");
        c->owed -= (size_t)sent;
        c->sent += (uint64_t)sent;
    }
}

// Receives once, compares, and returns how many messages that completed; `*bytes` grows by what came.
static size_t receive(Connection *c, size_t size, uint64_t *bytes) {
    static unsigned char buffer[1 << 18];
    ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
    if (n == 0) fail(3, "closed by the server");
    if (n < 0 && errno == EAGAIN) return 0;
    if (n < 0) fail(2, "recv");
    size_t at = c->received % PATTERN, head = (size_t)n < PATTERN - at ? (size_t)n : PATTERN - at;
    if (memcmp(buffer, pattern + at, head) || memcmp(buffer + head, pattern, (size_t)n - head))
        fail(4, "the echo differs from what was sent");
    c->received += (uint64_t)n;
    c->partial += (size_t)n;
    *bytes += (uint64_t)n;
    size_t complete = c->partial / size;
    c->partial %= size;
    return complete;
}

int main(int count, char **arguments) {
    clockid_t server_clock = 0;
    bool server = false, wait = false;
    for (int option; (option = getopt(count, arguments, "p:w")) != -1;) {
        if (option == '?') return 1;
        if (option == 'w') wait = true;
        if (option == 'p') {
            server = true;
            server_clock = cpu_clock(optarg);
        }
    }
    if (count - optind != 5) fail(1, "usage: loadgen [-p SERVER_PID] [-w] PORT CONNECTIONS SIZE PIPELINE SECONDS");
    arguments += optind;
    int port = atoi(arguments[0]), connections = atoi(arguments[1]), pipeline = atoi(arguments[3]);
    size_t size = strtoul(arguments[2], NULL, 10);
    double seconds = atof(arguments[4]);
    if (connections < 1 || size < 1 || pipeline < 1 || seconds <= 0)
        fail(1, "every number after PORT must be positive");

    for (size_t i = 0; i < PATTERN; i++) pattern[i] = (unsigned char)(i * 2654435761u >> 13);
    Connection *all = calloc((size_t)connections, sizeof *all);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    if (!all || poll < 0) fail(2, "loadgen");
    uint64_t connecting = now();
    for (int i = 0; i < connections; i++) {
        all[i].fd = open_connection(i, port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event)) fail(2, "epoll_ctl");
    }
    double connect_seconds = (double)(now() - connecting) / 1e9;
    if (wait) {
        printf("connected\n");
        wait_for_a_line();
    }

    uint64_t start = now(), t = start, end = start + (uint64_t)(seconds * 1e9);
    uint64_t warm = start + (uint64_t)(seconds * 0.15e9), stalls_at = start + STALL_MS * 1000000ull;
    for (int i = 0; i < connections; i++) {
        all[i].owed = size * (size_t)pipeline;
        all[i].asked = now();
        send_owed(&all[i]);
    }
    uint64_t total = 0, messages = 0, bytes = 0, cpu = 0;
    uint64_t in_flight = (uint64_t)connections * (uint64_t)pipeline;
    bool warming = true, sending = true;
    double elapsed = 0;
    while (sending || in_flight) {
        struct epoll_event events[512];
        int ready = epoll_wait(poll, events, 512, 100);
        t = now();
        if (warming && t >= warm) {  // the window opens
            warming = false;
            start = t;
            messages = bytes = 0;
            memset(histogram, 0, sizeof histogram);
            if (server) cpu = nanoseconds(server_clock);
        }
        if (sending && t >= end) {  // the window closes; what is in flight still comes home
            sending = false;
            elapsed = (double)(t - start) / 1e9;
            if (server) cpu = nanoseconds(server_clock) - cpu;
        }
        if (ready > 0) stalls_at = t + STALL_MS * 1000000ull;
        else if (t > stalls_at) fail(3, "no echo for 5 seconds");
        for (int i = 0; i < ready; i++) {
            Connection *c = events[i].data.ptr;
            uint64_t received = 0;
            size_t complete = receive(c, size, &received);
            total += complete;
            if (sending) {
                bytes += received;
                messages += complete;
                if (complete) {
                    uint64_t home = now();
                    record(histogram, home - c->asked);
                    c->asked = home;
                }
                c->owed += complete * size;
            } else {
                in_flight -= complete;
            }
            send_owed(c);
        }
    }

    printf("conns=%d size=%zu pipe=%d msgs/s=%.0f MB/s=%.1f p50us=%u p99us=%u p999us=%u maxus=%u connect/s=%.0f "
           "total=%llu", connections, size, pipeline, (double)messages / elapsed, (double)bytes / elapsed / 1e6,
           percentile(histogram, .5), percentile(histogram, .99), percentile(histogram, .999),
           percentile(histogram, 1), connections / connect_seconds,
           (unsigned long long)total);
    if (server) printf(" cpu_us/msg=%.4f", messages ? (double)cpu / 1e3 / (double)messages : 0.0);
    printf("\n");
    if (wait) wait_for_a_line();
    free(all);
}
