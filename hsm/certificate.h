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
#define CERTIFICATE_REQUEST_MAX 1024
#define CERTIFICATE_POINT_SIZE 65 /* 0x04, X, Y on P-256 */
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

/* Checks a PKCS #10 request as hostile bytes: its size, that nothing follows it, a named P-256 key whose point lies on
 * the curve, ecdsa-with-SHA256, the signature (proof of possession), and one serialNumber in the subject that equals
 * `serial`. Nothing but the public key is ever taken from it: extensions asked for and other names are not honoured.
 *
 * Faults: CSR_REFUSED.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool certificate_request_check(const uint8_t *csr, size_t csr_size, const char *serial,
                                                             uint8_t ret_point[CERTIFICATE_POINT_SIZE],
                                                             struct fault *fault);

/* Reads the issuing and root certificates (PEM files), finds the issuing key on the token, compares the two, has the
 * key prove itself with a signature, and verifies the issuing certificate against the root.
 *
 * Faults: FILE, CRYPTO, HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_KEY_WRONG, HSM_CALL, CERTIFICATE_REFUSED, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4,
                  5) bool certificate_issuer_open(struct token *token, const char *issuing_path, const char *root_path,
                                                  struct certificate_issuer **ret_issuer, struct fault *fault);
void certificate_issuer_free(struct certificate_issuer *issuer);
DEFINE_CLEANUP(struct certificate_issuer *, certificate_issuer_free)

/* The issuing certificate itself, for the record and for the unit's chain. Lives as long as the issuer. */
NODISCARD NONNULL(1) const struct certificate *certificate_issuer_own(const struct certificate_issuer *issuer);

/* The request is checked against subject->serial. The new certificate's own DER is walked (hsm/lint.h) and its chain
 * verified before it is given out.
 *
 * Faults: CSR_REFUSED, CERTIFICATE_REFUSED, HSM_CALL, HSM_RANDOM, CRYPTO, USAGE for an unknown profile, a subject that
 * does not fit PrintableString or is longer than 64 characters, and a hardware type that is no OID, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool certificate_issue(struct certificate_issuer *issuer, const uint8_t *csr,
                                                        size_t csr_size, const struct certificate_subject *subject,
                                                        struct certificate *ret_certificate, struct fault *fault);

/* The subject as one line (RFC 2253, UTF-8), cut to fit. Faults: CRYPTO. */
#define CERTIFICATE_NAME_SIZE 257
NODISCARD NONNULL(1, 2, 3) bool certificate_subject_text(const struct certificate *certificate,
                                                         char ret_text[CERTIFICATE_NAME_SIZE], struct fault *fault);

/* Reads one PEM certificate into a value. Faults: FILE, CRYPTO. */
NODISCARD NONNULL(1, 2, 3) bool certificate_read(const char *path, struct certificate *ret_certificate,
                                                 struct fault *fault);
