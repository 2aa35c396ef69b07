#include "hsm/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct watchdog {
    timer_t timer;
    struct sockaddr_un server;
    socklen_t server_size;
    volatile sig_atomic_t cut_off;
};

/* In the signal handler: only async-signal-safe functions. */
static bool leads_to(int descriptor, const struct watchdog *watchdog)
{
    struct sockaddr_un peer;
    socklen_t size = sizeof peer;
    return getpeername(descriptor, (struct sockaddr *)&peer, &size) == 0 && peer.sun_family == AF_UNIX &&
           size == watchdog->server_size && memcmp(&peer, &watchdog->server, size) == 0;
}

static void cut_off(UNUSED int signal_number, siginfo_t *info, UNUSED void *context)
{
    if (info->si_code != SI_TIMER) /* somebody's kill(2) carries no watchdog */
        return;
    int error = errno;
    struct watchdog *watchdog = info->si_value.sival_ptr;
    watchdog->cut_off = 1;
    for (int descriptor = 0; descriptor < WATCHDOG_DESCRIPTORS; descriptor++)
        if (leads_to(descriptor, watchdog))
            (void)shutdown(descriptor, SHUT_RDWR);
    errno = error;
}

/* Without SA_RESTART: a connect(2) that waits has no peer yet and ends by EINTR. */
static bool take_signal(struct fault *fault)
{
    struct sigaction now;
    if (sigaction(WATCHDOG_SIGNAL, NULL, &now) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "watchdog's signal: %s", strerror(errno));
    bool ours = (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == cut_off;
    bool free = !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
    if (!ours && !free)
        return fault_set(fault, FAULT_INTERNAL, 0, "the watchdog's signal has another handler");

    struct sigaction action = {.sa_sigaction = cut_off, .sa_flags = SA_SIGINFO};
    sigset_t only;
    (void)sigemptyset(&only);
    (void)sigaddset(&only, WATCHDOG_SIGNAL);
    int error = sigaction(WATCHDOG_SIGNAL, &action, NULL) == 0 ? pthread_sigmask(SIG_UNBLOCK, &only, NULL) : errno;
    return error == 0 || fault_set(fault, FAULT_SYSTEM, (unsigned long)error, "watchdog's signal: %s", strerror(error));
}

bool watchdog_open(const struct sockaddr_un *server, socklen_t server_size, struct watchdog **ret_watchdog,
                   struct fault *fault)
{
    if (!take_signal(fault))
        return false;
    struct watchdog *watchdog = calloc(1, sizeof *watchdog);
    if (!watchdog)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "watchdog");
    memcpy(&watchdog->server, server, server_size);
    watchdog->server_size = server_size;

    /* To this very thread, so that the handler runs between two instructions of the call that waits and never beside
     * it. glibc 2.36 has no public name for the thread's field. */
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = WATCHDOG_SIGNAL, .sigev_value.sival_ptr = watchdog};
    event._sigev_un._tid = gettid();
    if (timer_create(CLOCK_MONOTONIC, &event, &watchdog->timer) != 0) {
        (void)fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "watchdog's timer: %s", strerror(errno));
        free(watchdog);
        return false;
    }
    *ret_watchdog = watchdog;
    return true;
}

void watchdog_close(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    (void)timer_delete(watchdog->timer);
    free(watchdog);
}

bool watchdog_sees(const struct watchdog *watchdog)
{
    for (int descriptor = 0; descriptor < WATCHDOG_DESCRIPTORS; descriptor++)
        if (leads_to(descriptor, watchdog))
            return true;
    return false;
}

void watchdog_arm(struct watchdog *watchdog, unsigned milliseconds)
{
    const struct itimerspec wait = {
        .it_value = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000},
        .it_interval = {.tv_sec = 1},
    };
    watchdog->cut_off = 0;
    (void)timer_settime(watchdog->timer, 0, &wait, NULL);
}

bool watchdog_disarm(struct watchdog *watchdog)
{
    const struct itimerspec never = {0};
    (void)timer_settime(watchdog->timer, 0, &never, NULL);
    return watchdog->cut_off != 0;
}
