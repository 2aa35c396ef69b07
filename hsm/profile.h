/* profile.h -- from a profile and a unit's values to the part of a certificate that is signed.
 *
 * The lint (hsm/lint.h) walks the finished DER against the same profile, with a reader and tables of its own.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    hsm/, inside the room only
 * Spec     RFC 5280, IEEE 802.1AR-2018 section 8, RFC 4108 section 5, RFC 8995 section 2.3, Matter Core 6.2.2
 */
#pragma once

#include "hsm/crypto.h"
#include "hsm/der.h"

#define PROFILE_HARDWARE_TYPE_MAX 32 /* bytes of the OID */
#define PROFILE_TEXT_SIZE (CERTIFICATE_TEXT_MAX + 1)

/* The profile names what a device certificate needs, within bounds, and the subject has what it asks for.
 *
 * Faults: USAGE.
 */
NODISCARD NONNULL(1, 2) bool profile_check(const struct certificate_subject *subject, struct fault *fault);

/* The text that one name of the subject is filled with. `index` is below the profile's name_count. */
NONNULL(1, 3)
void profile_text(const struct certificate_subject *subject, size_t index, char ret_text[PROFILE_TEXT_SIZE]);

struct profile_issuer {
    const uint8_t *name; /* DER of the issuing certificate's subject */
    size_t name_size;
    const uint8_t *key_identifier;
    size_t key_identifier_size;
};

/* TBSCertificate, appended to the writer. `number` is the serial number's magnitude, big-endian, not zero; `now` is
 * YYYYMMDDHHMMSSZ. The subject passed profile_check().
 *
 * Faults: CRYPTO.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5, 6,
                  7) bool profile_encode(const struct certificate_subject *subject, const struct profile_issuer *issuer,
                                         const uint8_t point[POINT_SIZE], const uint8_t number[CERTIFICATE_SERIAL_MAX],
                                         const char *now, struct writer *writer, struct fault *fault);
