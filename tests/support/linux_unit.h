/* linux_unit.h -- a Linux unit that nobody here wrote, behind a serial console: Debian's own agetty, login, PAM,
 * chpasswd, bash and openssl, in namespaces of their own, with a disk that outlives a restart.
 *
 * Needs root: a unit has users of its own. The console is a pseudo-terminal, and a process that carries it to a unix
 * socket, as a console server would.
 *
 * Owner    the caller ends what it started with linux_unit_end()
 * Threads  one
 * Secrets  the test's own
 * Layer    tests/
 */
#pragma once

#include "base/fault.h"

#include <sys/types.h>

struct linux_unit {
    char directory[64]; /* root/ is the unit's disk */
    char socket[128];   /* "unix:/tmp/.../console" */
    pid_t power, cable;
    int master, slave;
};

/* Whether this machine can run one; prints why not. */
NODISCARD bool linux_unit_possible(void);

/* A blank unit, switched on, with its console at this socket; NULL: one in its directory. */
NODISCARD NONNULL(1, 3) bool linux_unit_start(struct linux_unit *ret_unit, const char *socket_path,
                                              struct fault *fault);
void linux_unit_end(struct linux_unit *unit);

/* A file of its disk, "etc/shadow", as text of at most `size` - 1 bytes; false when there is none. */
NODISCARD NONNULL(1, 2, 3) bool linux_unit_read(const struct linux_unit *unit, const char *name, char *ret_text,
                                                size_t size);

/* A cable between a terminal's master and whoever connects to the socket, one after the other; what comes while nobody
 * listens is lost, as on a real line. Returns the process. */
NODISCARD NONNULL(2, 3) bool cable_start(int master, const char *socket_path, pid_t *ret_cable, struct fault *fault);
