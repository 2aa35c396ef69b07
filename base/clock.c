#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

int64_t clock_monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock and a valid pointer */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct deadline deadline_in_ms(unsigned milliseconds)
{
    return (struct deadline){.at_ns = clock_monotonic_ns() + (int64_t)milliseconds * 1000000};
}

bool deadline_passed(struct deadline deadline)
{
    return clock_monotonic_ns() >= deadline.at_ns;
}

int deadline_left_ms(struct deadline deadline)
{
    int64_t left = deadline.at_ns - clock_monotonic_ns();
    if (left <= 0)
        return 0;
    int64_t milliseconds = (left + 999999) / 1000000;
    return milliseconds > INT_MAX ? INT_MAX : (int)milliseconds;
}

struct deadline deadline_sooner(struct deadline a, struct deadline b)
{
    return a.at_ns < b.at_ns ? a : b;
}

void clock_wall_text(char ret_text[CLOCK_TEXT_SIZE])
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    (void)gmtime_r(&now.tv_sec, &utc);
    char seconds[sizeof "2026-11-23T19:45:00"];
    (void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(ret_text, CLOCK_TEXT_SIZE, "%s.%06uZ", seconds, (unsigned)(now.tv_nsec / 1000) % 1000000);
}
