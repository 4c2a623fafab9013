// Is busy half of the time: computes for 5 ms, then sleeps for 5 ms, until it is ended. It ends by itself after half an hour.

#include <stdint.h>
#include <time.h>

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int main(void)
{
    const int64_t half_ns = 5000000, longest_ns = INT64_C(1800000000000);
    int64_t end = now_ns() + longest_ns;
    while (now_ns() < end) {
        int64_t busy_until = now_ns() + half_ns;
        while (now_ns() < busy_until)
            ;
        nanosleep(&(struct timespec){.tv_nsec = half_ns}, NULL);
    }
    return 0;
}
