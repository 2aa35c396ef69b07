/* watcher.h -- writes down what anybody on the machine could see of this process's children: arguments and environment.
 *
 * A process of its own looks at every child again and again while the test goes on, and keeps each text it has not seen
 * yet. Where a child's environment is closed to this user it is closed to others too.
 *
 * Owner    the caller stops the watcher
 * Threads  one
 * Secrets  whatever a child shows by mistake: test passwords only
 * Layer    tests/
 */
#pragma once

#include "base/compiler.h"

#include <sys/types.h>

/* Appends to that file, which must not exist. Aborts when it cannot. */
NODISCARD NONNULL(1) pid_t watcher_start(const char *path);
void watcher_stop(pid_t watcher);
