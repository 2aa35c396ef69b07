/* command.h -- runs a program of the system for a test, and waits for it.
 *
 * Owner    the caller owns the arguments
 * Threads  one
 * Secrets  none in argv
 * Layer    tests/
 */
#pragma once

#include "base/fault.h"

/* The exit code; -1 when it could not be run or was ended by a signal. Its output goes to the test's standard error. */
NODISCARD NONNULL(1) int command_run(const char *const *argv);

/* The same, and `ret_output` gets the first size - 1 bytes of its standard output as a text. */
NODISCARD NONNULL(1, 2) int command_read(const char *const *argv, char *ret_output, size_t size);
