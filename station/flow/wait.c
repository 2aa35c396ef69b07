#include "station/flow/wait.h"

#include <time.h>

void wait_until(struct deadline deadline)
{
    struct timespec at = {.tv_sec = deadline.at_ns / 1000000000, .tv_nsec = deadline.at_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        continue;
}
