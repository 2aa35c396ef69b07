/* watchdog.h -- ends a wait for a token server that hangs.
 *
 * p11-kit's client waits for its server without a deadline, inside read(2), where nothing of ours runs. A timer's
 * signal does: its handler shuts down every connection of this process to that server, the wait ends, and p11-kit
 * answers CKR_DEVICE_ERROR now and on every later call. The signal goes to the thread that waits; it comes again each
 * second until the call is over, because a connection can be made after the first.
 *
 * A server is told by the name that it bound its socket to, as the kernel reports it, since a path may lead there in
 * several ways. All connections of this process to it are cut off, another thread's too. Of the descriptors the first
 * WATCHDOG_DESCRIPTORS are looked at.
 *
 * A module loaded directly has no connection: nothing here can end its wait, only the end of the process.
 *
 * Owner    the caller closes the watchdog
 * Threads  one watchdog belongs to the thread that opened it
 * Secrets  none
 * Layer    hsm/, inside the room only
 * Spec     timer_create(2), signal-safety(7)
 */
#pragma once

#include "base/fault.h"

#include <sys/socket.h>
#include <sys/un.h>

#define WATCHDOG_DESCRIPTORS 1024
#define WATCHDOG_SIGNAL (SIGRTMIN + 6)

struct watchdog;

/* Also takes the signal for this purpose: unblocked, and with a handler that stays until the process ends.
 *
 * Faults: SYSTEM; INTERNAL when the signal has another handler; NO_MEMORY.
 */
NODISCARD NONNULL(1, 3, 4) bool watchdog_open(const struct sockaddr_un *server, socklen_t server_size,
                                              struct watchdog **ret_watchdog, struct fault *fault);
void watchdog_close(struct watchdog *watchdog);
DEFINE_CLEANUP(struct watchdog *, watchdog_close)

/* True when a connection to the server is among the descriptors looked at. */
NODISCARD NONNULL(1) bool watchdog_sees(const struct watchdog *watchdog);

/* Around each call that may wait. Waits that end in time cost two system calls. */
NONNULL(1) void watchdog_arm(struct watchdog *watchdog, unsigned milliseconds);
/* True when the connections were cut off since it was armed. */
NONNULL(1) bool watchdog_disarm(struct watchdog *watchdog);
