// What the programs in C have in common; bench/timers.py says what arguments and answer mean.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static inline int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

// The same numbers in every program, whatever its language (xorshift64).
static inline int64_t chance(int64_t limit) {
    static uint64_t state = UINT64_C(88172645463325252);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (int64_t)(state % (uint64_t)limit);
}

static inline void print_numbers(const int64_t *numbers, long count) {
    for (long i = 0; i < count; i++) printf("%lld ", (long long)numbers[i]);
    puts("");
}
