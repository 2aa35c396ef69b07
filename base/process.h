/* process.h -- this process made safe, and child processes of this program.
 *
 * Children are re-executed, never merely forked: PKCS#11 state does not survive a fork, and a child must not inherit
 * its parent's memory. They get exactly the file descriptors that are handed to them, every signal at its default and
 * none blocked.
 *
 * Owner    the caller owns the descriptors and waits for its children
 * Threads  the main thread
 * Secrets  none in argv or in the environment
 * Layer    base/
 */
#pragma once

#include "base/fault.h"

#include <sys/types.h>

/* No core files, no ptrace by others, SIGPIPE ignored. Call first in main(), in a re-executed child too: exec(2) undoes
 * it. (Builds with AddressSanitizer stay open to ptrace: base/compiler.h.)
 *
 * Faults: SYSTEM.
 */
NODISCARD NONNULL(1) bool process_harden(struct fault *fault);

#define PROCESS_DESCRIPTORS_MAX 64   /* in one child */
#define PROCESS_DESCRIPTOR_LIMIT 256 /* `theirs` is below it */

/* One descriptor handed to a child: `ours` becomes `theirs` there. The numbers may cross one another freely. */
struct process_descriptor {
    int ours;
    int theirs;
};

struct process_options {
    const char *path;        /* NULL: this program itself (/proc/self/exe) */
    const char *const *argv; /* ends with NULL */

    /* Standard input and output are /dev/null, and standard error is inherited, unless they are named here. All other
     * descriptors of this process are closed in the child. */
    const struct process_descriptor *descriptors;
    size_t descriptor_count;

    /* Sent to the child when the thread that started it ends, so that no worker outlives its supervisor; 0: none. */
    int death_signal;
};

/* Returns once the child runs the program, or could not and is gone.
 *
 * Faults: SYSTEM, naming the step that failed in the child; USAGE for options that contradict themselves.
 */
NODISCARD NONNULL(1, 2, 3) bool process_start(const struct process_options *options, pid_t *ret_pid,
                                              struct fault *fault);
