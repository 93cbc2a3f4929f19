// The least that a loop in C can do to be on time: deadlines in order, one timerfd, one epoll descriptor.
#include "timers.h"
#include <sys/epoll.h>
#include <sys/timerfd.h>

static int in_order(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

int main(int count_of_arguments, char **arguments) {
    if (count_of_arguments != 3 || strcmp(arguments[1], "lateness")) return 1;
    long count = atol(arguments[2]), next = 0;
    int64_t *due = malloc(count * sizeof *due), *late = malloc(count * sizeof *late);
    for (long i = 0; i < count; i++) due[i] = now(CLOCK_MONOTONIC) + 1000000 + chance(49000000);
    qsort(due, count, sizeof *due, in_order);

    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), loop = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    epoll_ctl(loop, EPOLL_CTL_ADD, timer, &event);
    while (next < count) {
        struct itimerspec setting = {.it_value = {due[next] / 1000000000, due[next] % 1000000000}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &setting, NULL);
        epoll_wait(loop, &event, 1, -1);
        for (; next < count && due[next] <= now(CLOCK_MONOTONIC); next++) late[next] = now(CLOCK_MONOTONIC) - due[next];
    }
    print_numbers(late, count);
}
