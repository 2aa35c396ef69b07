/* process.h -- this process made safe, and child processes of this program.
 *
 * Children are re-executed, never merely forked: PKCS#11 state does not survive a fork, and a child must not inherit
 * its parent's memory. They get exactly the file descriptors that are handed to them.
 *
 * Owner    the caller owns the descriptors and waits for its children
 * Threads  the main thread
 * Secrets  none in argv or in the environment
 * Layer    base/
 */
#pragma once

#include "base/fault.h"

#include <sys/types.h>

/* No core files, no ptrace by others, SIGPIPE ignored. Call first in main().
 *
 * Faults: SYSTEM.
 */
NODISCARD NONNULL(1) bool process_harden(struct fault *fault);

/* One descriptor handed to a child: `ours` becomes `theirs` there. */
struct process_descriptor {
    int ours;
    int theirs;
};

struct process_options {
    const char *path;        /* NULL: this program itself (/proc/self/exe) */
    const char *const *argv; /* ends with NULL */
    const struct process_descriptor *descriptors;
    size_t descriptor_count; /* standard error is inherited unless it is named here; all others are closed */
};

/* Faults: SYSTEM, USAGE. */
NODISCARD NONNULL(1, 2, 3) bool process_start(const struct process_options *options, pid_t *ret_pid,
                                              struct fault *fault);
