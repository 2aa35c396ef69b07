/* tpm.h -- a private TPM 2.0 for a test: swtpm, a resource manager before it on a message bus of its own, and a token
 * of tpm2-pkcs11 in it.
 *
 * A TPM holds three objects at a time. tpm2-pkcs11 does not put them away by itself, so the resource manager
 * (tpm2-abrmd) is part of it. Sets TPM2_* and DBUS_SESSION_BUS_ADDRESS in this process while it runs.
 *
 * Owner    the caller ends what it started with tpm_end()
 * Threads  one
 * Secrets  test PINs only
 * Layer    tests/
 */
#pragma once

#include "base/fault.h"

#include <sys/types.h>

#define TPM_LABEL "tpm"

struct tpm {
    char directory[64];
    pid_t chip, bus, manager; /* 0: none */
};

/* A new token, labelled TPM_LABEL; TPM_MODULE opens it as long as this runs. */
NODISCARD NONNULL(1, 2, 3, 4) bool tpm_start(struct tpm *ret_tpm, const char *so_pin, const char *pin,
                                             struct fault *fault);
void tpm_end(struct tpm *tpm);

/* What the chip's owner does after too many wrong PINs. Faults: SYSTEM. */
NODISCARD NONNULL(1, 2) bool tpm_clear_lockout(struct tpm *tpm, struct fault *fault);
