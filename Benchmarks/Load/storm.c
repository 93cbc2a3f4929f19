// storm: thousands of an echo server's connections are closed at once while a few others go on.
//
//     storm [-r] SERVER_PID PORT CONNECTIONS SECONDS
//
// CONNECTIONS echo one message each and then lie idle; 20 others, the probes, send one every 5 ms. After a quiet second
// all idle ones are closed, each by a FIN or, with -r, by a reset: evenly over SECONDS, or with 0 as fast as one thread
// can. The storm is over when the server has closed its descriptors too, which the size of /proc/SERVER_PID/fd tells.
//
// It prints a line when all connections are up (`connected`) and waits for one on stdin, then again when the storm is
// over (the report); the probes stay open until the second one has come. Report: milliseconds until the peers and until
// the server had closed all, the server's CPU time per closed connection, and the probes' round trips before and during
// the storm, in microseconds.
//
// Only the size: to list that directory, or to look at an entry, borrows a reference to each file. A socket closed by
// the server in that moment is torn down by the borrower, and until then still in the server's epoll set. The size is
// there since Linux 6.2.
//
// One thread that never sleeps: a probe's echo is looked for after every few closes, so what it measures is the server.
// Exit status 2: a system call failed, 3: the server hung up, stalled or left descriptors open, 4: a wrong byte.
#define _GNU_SOURCE
#include <sys/stat.h>

#include "client.h"

enum {
    SIZE = 64,                     // bytes of a message
    PROBES = 20,
    INTERVAL = 5 * 1000 * 1000,    // nanoseconds between two messages of a probe
    QUIET = 1000 * 1000 * 1000,    // nanoseconds of probing before the storm
    LIMIT = 30ull * 1000 * 1000 * 1000,
    CLOSES_PER_TURN = 4,           // then the probes have a turn: what a probe may wait for this program
};

typedef struct {
    int fd;
    size_t missing;                // bytes of the echo not here yet
    uint64_t sent, due;            // when the last message was sent, when the next one will be
} Probe;

static const char message[SIZE] = "sixty-four bytes that every connection sends and must get back";
static Probe probes[PROBES];
static Histogram quiet, during;

static void send_message(int fd) {
    if (send(fd, message, SIZE, MSG_NOSIGNAL) != SIZE) fail(2, "send");
}

// Bytes of an echo received now, compared with those that are missing.
static size_t receive(int fd, size_t missing) {
    char buffer[SIZE];
    ssize_t n = recv(fd, buffer, missing, MSG_DONTWAIT);
    if (n == 0) fail(3, "closed by the server");
    if (n < 0 && errno == EAGAIN) return 0;
    if (n < 0) fail(2, "recv");
    if (memcmp(buffer, message + SIZE - missing, (size_t)n)) fail(4, "the echo differs from what was sent");
    return (size_t)n;
}

static void echo_once(int fd) {
    send_message(fd);
    uint64_t limit = now() + LIMIT;
    for (size_t missing = SIZE; missing; missing -= receive(fd, missing))
        if (now() > limit) fail(3, "no echo");
}

static void turn(Probe *probe, Histogram histogram) {
    uint64_t t = now();
    if (probe->missing) {
        probe->missing -= receive(probe->fd, probe->missing);
        if (probe->missing == 0) record(histogram, now() - probe->sent);
        else if (t > probe->sent + LIMIT) fail(3, "no echo for 30 seconds");
    } else if (t >= probe->due) {
        probe->missing = SIZE;
        probe->sent = t;
        probe->due += INTERVAL;
        if (probe->due < t) probe->due = t + INTERVAL;  // what was not sent in time is not made up for
        send_message(probe->fd);
    }
}

static void probe_all(Histogram histogram) {
    for (int i = 0; i < PROBES; i++) turn(&probes[i], histogram);
}

static int entries(const char *directory) {
    struct stat status;
    if (stat(directory, &status)) fail(2, directory);
    if (status.st_size == 0) fail(1, "counting the server's descriptors takes Linux 6.2 or later");
    return (int)status.st_size;
}

static void close_by(bool reset, int fd) {
    struct linger at_once = {.l_onoff = 1};
    if (reset && setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once)) fail(2, "setsockopt");
    close(fd);
}

int main(int count, char **arguments) {
    bool reset = count > 1 && !strcmp(arguments[1], "-r");
    if (count != 5 + reset) fail(1, "usage: storm [-r] SERVER_PID PORT CONNECTIONS SECONDS");
    arguments += 1 + reset;
    int port = atoi(arguments[1]), connections = atoi(arguments[2]);
    double span = 1e9 * atof(arguments[3]);
    clockid_t server_clock = cpu_clock(arguments[0]);
    char descriptors[64];
    snprintf(descriptors, sizeof descriptors, "/proc/%s/fd", arguments[0]);
    int *idle = calloc((size_t)connections, sizeof *idle);
    if (!idle) fail(2, "calloc");

    for (int i = 0; i < PROBES; i++) echo_once(probes[i].fd = open_connection(0, port));
    int before = entries(descriptors);
    for (int i = 0; i < connections; i++) echo_once(idle[i] = open_connection(i, port));
    if (entries(descriptors) < before + connections) fail(3, "the server has fewer descriptors than connections");
    printf("connected\n");
    wait_for_a_line();

    uint64_t start = now(), closed_here = 0;
    for (int i = 0; i < PROBES; i++) probes[i].due = start + (uint64_t)i * INTERVAL / PROBES;
    while (now() < start + QUIET) probe_all(quiet);

    uint64_t cpu = nanoseconds(server_clock);
    start = now();
    for (int closed = 0; closed < connections || entries(descriptors) > before;) {
        double due = connections * (span > 0 ? (double)(now() - start) / span : 1);
        for (int n = 0; n < CLOSES_PER_TURN && closed < connections && closed < due; n++)
            close_by(reset, idle[closed++]);
        if (closed == connections && !closed_here) closed_here = now();
        probe_all(during);
        if (now() > start + LIMIT) fail(3, "the server left descriptors open for 30 seconds");
    }
    uint64_t closed_there = now();
    cpu = nanoseconds(server_clock) - cpu;

    printf("peers_ms=%.1f server_ms=%.1f cpu_us/close=%.3f quiet_p50us=%u quiet_maxus=%u p50us=%u maxus=%u\n",
           (double)(closed_here - start) / 1e6, (double)(closed_there - start) / 1e6, (double)cpu / 1e3 / connections,
           percentile(quiet, .5), percentile(quiet, 1), percentile(during, .5), percentile(during, 1));
    wait_for_a_line();
    free(idle);
}
