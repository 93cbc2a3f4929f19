// bench: pkg-config libevent_core
//
// libevent's own timers, with its clock as it is by default.
#include "timers.h"
#include <event2/event.h>

static struct event_base *base;
static int64_t *due, *late;
static long count, left;

static struct timeval delay(int64_t nanoseconds) {
    return (struct timeval){nanoseconds / 1000000000, nanoseconds % 1000000000 / 1000};
}

static void note_lateness(int fd, short what, void *due) {
    (void)fd, (void)what;
    late[count - left] = now(CLOCK_MONOTONIC) - *(int64_t *)due;
    if (--left == 0) event_base_loopbreak(base);
}

static void count_down(int fd, short what, void *context) {
    (void)fd, (void)what, (void)context;
    if (--left == 0) event_base_loopbreak(base);
}

static void lateness(void) {
    due = malloc(count * sizeof *due), late = malloc(count * sizeof *late);
    for (long i = 0; i < count; i++) {
        int64_t wait = 1000000 + chance(49000000);
        struct timeval time = delay(wait);
        due[i] = now(CLOCK_MONOTONIC) + wait;
        evtimer_add(evtimer_new(base, note_lateness, &due[i]), &time);
    }
    event_base_dispatch(base);
    print_numbers(late, count);
}

static int64_t lap_start;
static void lap(const char *what) {
    int64_t time = now(CLOCK_PROCESS_CPUTIME_ID);
    if (what) printf("%s=%lld ", what, (long long)((time - lap_start) / count));
    lap_start = now(CLOCK_PROCESS_CPUTIME_ID);
}

static void cost(void) {
    struct event **timers = malloc(count * sizeof *timers);
    struct timeval time;
    lap(NULL);
    for (long i = 0; i < count; i++) {
        time = delay(1000000000000 + chance(1000000000000));
        timers[i] = evtimer_new(base, count_down, NULL);
        evtimer_add(timers[i], &time);
    }
    lap("add");
    for (long i = 0; i < count; i++) {
        time = delay(1000000000000 + chance(2000000000000));
        evtimer_add(timers[i], &time);
    }
    lap("move");
    for (long i = count - 1; i > 0; i--) {
        long j = chance(i + 1);
        struct event *timer = timers[i];
        timers[i] = timers[j], timers[j] = timer;
    }
    lap(NULL);
    for (long i = 0; i < count; i++) event_free(timers[i]);
    lap("cancel");
    for (long i = 0; i < count; i++) {
        time = delay(chance(1000000));
        timers[i] = evtimer_new(base, count_down, NULL);
        evtimer_add(timers[i], &time);
    }
    usleep(10000);  // its clock is as coarse as the kernel's tick
    lap(NULL);
    event_base_dispatch(base);
    lap("fire");
    puts("");
}

int main(int count_of_arguments, char **arguments) {
    if (count_of_arguments != 3) return 1;
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    left = count = atol(arguments[2]);
    if (strcmp(arguments[1], "lateness")) cost(); else lateness();
}
