/* module.h -- a PKCS#11 module, loaded into this process or reached through a `p11-kit server`.
 *
 * Owner    the caller closes the module
 * Threads  one module, as opened here, belongs to one thread
 * Secrets  none
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/call.h"

/* True at once for a module's path. A server is asked: one that hangs takes connections and says nothing.
 *
 * Faults: HSM_MODULE, also when no answer came within CALL_ANSWER_MS; USAGE for a path that fits no socket.
 */
NODISCARD NONNULL(1, 2) bool module_answers(const char *module, struct fault *fault);

/* Asks as above, loads and initializes. `module` as token_open(); each opening of a server is a connection of its own
 * with a log-in of its own.
 *
 * Faults: HSM_MODULE, USAGE, INTERNAL when SIGPIPE would end the process, SYSTEM, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool module_open(const char *module, struct call_module *ret_module, struct fault *fault);
/* Closes, and forgets: a module that is not open is let pass. */
NONNULL(1) void module_close(struct call_module *module);
