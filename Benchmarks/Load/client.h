// What the load generators share: failing, the clock, and connecting to an echo server on 127.0.0.1.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PORTS_PER_ADDRESS = 20000,     // connections one loopback source address can carry
    SLOWEST_US = 1000 * 1000,      // latencies from here on share one histogram slot
};

typedef uint32_t Histogram[SLOWEST_US + 1];  // of latencies in microseconds

_Noreturn static void fail(int status, const char *what) {
    if (status == 2) perror(what);
    else fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(status);
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t)) fail(2, "clock_gettime");
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t now(void) { return nanoseconds(CLOCK_MONOTONIC); }

// The CPU time of another process, user and system.
static clockid_t cpu_clock(const char *pid) {
    clockid_t clock;
    if ((errno = clock_getcpuclockid(atoi(pid), &clock))) fail(2, "clock_getcpuclockid");
    return clock;
}

static int open_connection(int index, int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) fail(2, "socket");
    if (index >= PORTS_PER_ADDRESS) {
        uint32_t source = INADDR_LOOPBACK + (uint32_t)(index / PORTS_PER_ADDRESS);
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(fd, (struct sockaddr *)&from, sizeof from)) fail(2, "bind");
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) fail(2, "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void record(Histogram histogram, uint64_t nanoseconds) {
    uint64_t us = nanoseconds / 1000;
    histogram[us < SLOWEST_US ? us : SLOWEST_US]++;
}

static unsigned percentile(const Histogram histogram, double share) {
    uint64_t samples = 0, seen = 0;
    for (unsigned us = 0; us <= SLOWEST_US; us++) samples += histogram[us];
    if (samples == 0) return 0;
    uint64_t rank = (uint64_t)((double)(samples - 1) * share);
    for (unsigned us = 0;; us++)
        if ((seen += histogram[us]) > rank) return us;
}

static void wait_for_a_line(void) {
    fflush(stdout);
    for (int c; (c = getchar()) != '\n';)
        if (c == EOF) exit(0);
}
