/* cable.h -- bytes to and from a printer: "tcp:host:port" or "unix:/path".
 *
 * Owner    the caller closes the cable
 * Threads  one cable belongs to one thread
 * Secrets  pass through from the caller's buffer to the kernel; nothing is kept
 * Layer    station/label/
 */
#pragma once

#include "base/clock.h"
#include "station/label/wiped.h"

struct cable;

/* Whether the address has a form that can be opened. Faults: CONFIG_VALUE. */
NODISCARD NONNULL(1, 2) bool cable_address_check(const char *address, struct fault *fault);

/* Faults: PRINTER_AWAY, CONFIG_VALUE, NO_MEMORY. */
NODISCARD NONNULL(1, 3, 4) bool cable_open(const char *address, struct deadline deadline, struct cable **ret_cable,
                                           struct fault *fault);
void cable_close(struct cable *cable);
DEFINE_CLEANUP(struct cable *, cable_close)

/* Sends all. Faults: PRINTER_AWAY. */
NODISCARD NONNULL(1, 2, 5) bool cable_send(struct cable *cable, const void *bytes, size_t size,
                                           struct deadline deadline, struct fault *fault);

/* Appends what comes next, at least one byte; a buffer of 4096 bytes is full. Faults: PRINTER_AWAY, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 4) bool cable_receive(struct cable *cable, struct wiped *buffer, struct deadline deadline,
                                              struct fault *fault);

/* Waits between two questions, but not past the deadline. */
void cable_pause(unsigned milliseconds, struct deadline deadline);
