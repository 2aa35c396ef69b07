/* certificate_parts.h -- issuing without the last look, so that a benchmark can say what that look costs.
 *
 * For tests/bench only: whatever a station gives to a unit comes from certificate_issue().
 *
 * Owner    certificates are values
 * Threads  as the token's
 * Secrets  none
 * Layer    hsm/, inside the room and tests/bench
 */
#pragma once

#include "hsm/certificate.h"

/* As certificate_issue(), the lint included, but the new certificate's signature and chain are not verified. */
NODISCARD NONNULL(1, 2, 4, 5,
                  6) bool certificate_issue_unverified(struct certificate_issuer *issuer, const uint8_t *csr,
                                                       size_t csr_size, const struct certificate_subject *subject,
                                                       struct certificate *ret_certificate, struct fault *fault);
