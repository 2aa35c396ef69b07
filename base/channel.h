/* channel.h -- messages between two processes of the station: SOCK_SEQPACKET pairs, fixed-size messages.
 *
 * A message arrives whole or not at all. One descriptor may ride along.
 *
 * Owner    the caller owns both descriptors and every descriptor received
 * Threads  one end belongs to one thread
 * Secrets  a channel carries none unless its user's header says so
 * Layer    base/
 */
#pragma once

#include "base/clock.h"
#include "base/fault.h"

/* Both ends close-on-exec. Faults: SYSTEM. */
NODISCARD NONNULL(1, 2) bool channel_pair(int ret_ends[2], struct fault *fault);

/* Sends one message, and `descriptor` with it unless it is -1 (the caller still owns its own copy).
 *
 * Faults: CHANNEL when the other end is gone, TIMED_OUT when it does not take the message by the deadline.
 */
NODISCARD NONNULL(2, 6) bool channel_send(int channel, const void *message, size_t size, int descriptor,
                                          struct deadline deadline, struct fault *fault);

/* Receives one message of exactly `size` bytes. `ret_descriptor` may be NULL: then a message that brings a descriptor
 * is refused. It is set to -1 when none came; a received one is close-on-exec.
 *
 * Faults: CHANNEL when the other end is gone, TIMED_OUT, BAD_BYTES for a message of another size.
 */
NODISCARD NONNULL(2, 6) bool channel_receive(int channel, void *ret_message, size_t size, int *ret_descriptor,
                                             struct deadline deadline, struct fault *fault);
