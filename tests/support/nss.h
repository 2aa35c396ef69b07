/* nss.h -- a private token of NSS's softokn for a test: a PKCS#11 module that shares no code with SoftHSM.
 *
 * Owner    the caller ends what it started with nss_end()
 * Threads  one
 * Secrets  the test PIN only
 * Layer    tests/
 */
#pragma once

#include "base/fault.h"
#include "tests/support/nss_module.h"

struct nss {
    char directory[64];
};

/* A new token, labelled NSS_LABEL, whose user's PIN is `pin`; NSS_MODULE opens it as long as this runs. */
NODISCARD NONNULL(1, 2, 3) bool nss_start(struct nss *ret_nss, const char *pin, struct fault *fault);
void nss_end(struct nss *nss);
