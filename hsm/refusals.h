/* refusals.h -- PINs that a token refused, remembered by all processes of a station.
 *
 * Each slot opens the tokens by itself. When a token comes back with another PIN than its file's, the first slot that
 * logs in is refused; without a memory that all share, every other slot would try the same PIN once, and a real token
 * locks after a few. Remembered is which state of which PIN file was refused (device, inode, size, time of change),
 * never what is in it. A PIN file that was written anew is another one.
 *
 * Owner    the caller owns the descriptor; the memory lives as long as somebody has it open
 * Threads  any
 * Secrets  none
 * Layer    hsm/
 */
#pragma once

#include "base/fault.h"

/* An empty memory, to be handed to other processes as a descriptor. Faults: SYSTEM. */
NODISCARD NONNULL(1, 2) bool refusals_make(int *ret_descriptor, struct fault *fault);

/* This process looks into that memory and adds to it from now on. Without it, nothing is remembered. */
void refusals_use(int descriptor);

/* For hsm/token.c, with the turn at the PIN file: whether the file as it is was refused; and that it was. */
NODISCARD bool refusals_has(int pin_file);
void refusals_add(int pin_file);
