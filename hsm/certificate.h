/* certificate.h -- device certificates from a unit's request.
 *
 * The request is parsed as hostile: signature (proof of possession), curve, size and subject are checked. The
 * certificate is built from the profile, signed in the token, then linted and verified before it leaves this room.
 *
 * Owner    the caller frees the issuer; certificates are values
 * Threads  as the token's
 * Secrets  none: the issuing key never leaves the token
 * Layer    hsm/
 * Spec     RFC 5280, RFC 2986, IEEE 802.1AR-2018 (profile idevid-8021ar), RFC 4108 (hardwareModuleName)
 */
#pragma once

#include "hsm/token.h"

#define CERTIFICATE_MAX 2048 /* bytes of DER */
#define CERTIFICATE_SERIAL_MAX 20

struct certificate_issuer;

struct certificate_subject {
    const char *profile;       /* "idevid-8021ar" */
    const char *organization;  /* O */
    const char *model;         /* OU */
    const char *serial;        /* serialNumber, and hwSerialNum in the SAN */
    const char *hardware_type; /* hwType, an OID in dots */
};

struct certificate {
    uint8_t der[CERTIFICATE_MAX];
    size_t der_size;
    uint8_t serial[CERTIFICATE_SERIAL_MAX]; /* as an unsigned big-endian number */
    size_t serial_size;
    uint8_t sha256[32];      /* of the DER */
    uint8_t spki_sha256[32]; /* of the SubjectPublicKeyInfo */
};

/* Reads the issuing and root certificates (PEM files), finds the issuing key on the token and compares the two.
 *
 * Faults: FILE, CRYPTO, HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_KEY_WRONG, HSM_CALL, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4,
                  5) bool certificate_issuer_open(struct token *token, const char *issuing_path, const char *root_path,
                                                  struct certificate_issuer **ret_issuer, struct fault *fault);
void certificate_issuer_free(struct certificate_issuer *issuer);
DEFINE_CLEANUP(struct certificate_issuer *, certificate_issuer_free)

/* The issuing certificate itself, for the record and for the unit's chain. Lives as long as the issuer. */
NODISCARD NONNULL(1) const struct certificate *certificate_issuer_own(const struct certificate_issuer *issuer);

/* Faults: CSR_REFUSED, CERTIFICATE_REFUSED, HSM_CALL, CRYPTO, USAGE for an unknown profile or a subject that does not
 * fit PrintableString, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool certificate_issue(struct certificate_issuer *issuer, const uint8_t *csr,
                                                        size_t csr_size, const struct certificate_subject *subject,
                                                        struct certificate *ret_certificate, struct fault *fault);

/* Reads one PEM certificate into a value. Faults: FILE, CRYPTO. */
NODISCARD NONNULL(1, 2, 3) bool certificate_read(const char *path, struct certificate *ret_certificate,
                                                 struct fault *fault);
