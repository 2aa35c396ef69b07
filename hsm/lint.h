/* lint.h -- a finished device certificate held against its profile, byte by byte.
 *
 * A DER reader of its own, so that what OpenSSL builds is not judged by what OpenSSL reads.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    hsm/, inside the room only
 * Spec     X.690 (DER), RFC 5280 section 4.1
 */
#pragma once

#include "hsm/profile.h"

struct lint_expected {
    const struct certificate_subject *subject; /* with its profile */
    const uint8_t *point;                      /* POINT_SIZE */
    const uint8_t *issuer; /* content of the issuing certificate's subject, without its tag and length */
    size_t issuer_size;
    const uint8_t *authority_key; /* the issuing certificate's subject key identifier */
    size_t authority_key_size;
};

/* Version 3; a positive serial number of at most 20 bytes; ecdsa-with-SHA256 inside and outside; the issuing
 * certificate's name; the subject's names in order; notBefore not after now and notAfter the profile's; the P-256 point
 * of the request; exactly the profile's extensions, in order, with criticality and content; a non-empty signature;
 * nothing behind.
 *
 * Faults: CERTIFICATE_REFUSED.
 */
NODISCARD NONNULL(1, 3, 4) bool lint_certificate(const uint8_t *der, size_t size, const struct lint_expected *expected,
                                                 struct fault *fault);

/* The issuing certificate may issue for this subject: under a profile with Matter ids it must be a product attestation
 * intermediate's, with the same vendor id in its subject, the same product id if it has one, and a path length of 0
 * (Matter Core 6.2.2.4).
 *
 * Faults: CERTIFICATE_REFUSED.
 */
NODISCARD NONNULL(1, 2, 3) bool lint_issuer(X509 *issuing, const struct certificate_subject *subject,
                                            struct fault *fault);
