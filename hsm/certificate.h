/* certificate.h -- device certificates from a unit's request.
 *
 * The request is parsed as hostile: signature (proof of possession), curve, size, subject and key are checked. The
 * certificate is built from the profile, signed in the token, then linted against the same profile and verified before
 * it leaves this room.
 *
 * Owner    the caller frees the issuer; certificates and profiles are values
 * Threads  as the token's
 * Secrets  none: the issuing key never leaves the token
 * Layer    hsm/
 * Spec     RFC 5280, RFC 2986, IEEE 802.1AR-2018, RFC 4108 (hardwareModuleName), RFC 8995 2.3, Matter Core 6.2.2
 */
#pragma once

#include "hsm/token.h"

#define CERTIFICATE_MAX 2048 /* bytes of DER */
#define CERTIFICATE_REQUEST_MAX 1024
#define CERTIFICATE_POINT_SIZE 65 /* 0x04, X, Y on P-256 */
#define CERTIFICATE_SERIAL_MAX 20
#define CERTIFICATE_TEXT_MAX 64 /* characters of one name; X.520's upper bound */
#define CERTIFICATE_URL_MAX 128
#define CERTIFICATE_NAMES_MAX 8
#define CERTIFICATE_EXTENSIONS_MAX 8
#define CERTIFICATE_YEARS_MAX 100

struct certificate_issuer;

/* ---- the profile: what a device certificate looks like, as plain values ---- */

enum certificate_attribute {
    CERTIFICATE_COMMON_NAME,
    CERTIFICATE_ORGANIZATION_NAME,
    CERTIFICATE_UNIT_NAME, /* organizationalUnitName */
    CERTIFICATE_SERIAL_NUMBER,
    CERTIFICATE_MATTER_VENDOR_ID,  /* 1.3.6.1.4.1.37244.2.1, a UTF8String; all above are PrintableString */
    CERTIFICATE_MATTER_PRODUCT_ID, /* 1.3.6.1.4.1.37244.2.2 */
};

/* What fills an attribute of the subject. */
enum certificate_source {
    CERTIFICATE_FROM_ORGANIZATION,
    CERTIFICATE_FROM_MODEL,
    CERTIFICATE_FROM_SERIAL,
    CERTIFICATE_FROM_TEXT,           /* the profile's own text */
    CERTIFICATE_FROM_MATTER_VENDOR,  /* four upper-case hexadecimal digits */
    CERTIFICATE_FROM_MATTER_PRODUCT, /* the same */
};

/* What an extension is, and so what fills it. */
enum certificate_content {
    CERTIFICATE_AUTHORITY_KEY,     /* the key identifier of the issuing certificate */
    CERTIFICATE_SUBJECT_KEY,       /* SHA-1 of the unit's key (RFC 5280 4.2.1.2, method 1) */
    CERTIFICATE_BASIC_CONSTRAINTS, /* not a certificate authority: nothing else can be said */
    CERTIFICATE_KEY_USAGE,         /* the profile's bits */
    CERTIFICATE_HARDWARE_MODULE,   /* subjectAltName otherName: hwType, and hwSerialNum = the serial */
    CERTIFICATE_MASA_URL,          /* 1.3.6.1.5.5.7.1.32, an IA5String */
};

#define CERTIFICATE_DIGITAL_SIGNATURE 0x80 /* first byte of the BIT STRING of key usage */
#define CERTIFICATE_KEY_AGREEMENT 0x08

struct certificate_profile {
    char id[33];        /* "idevid-8021ar" */
    uint8_t sha256[32]; /* of the file it was read from, for the record */
    char not_after[16]; /* "99991231235959Z"; empty: `years` after the day of issue */
    unsigned years;
    uint8_t key_usage;
    size_t name_count;
    struct {
        enum certificate_attribute attribute;
        enum certificate_source source;
        char text[CERTIFICATE_TEXT_MAX + 1];
    } names[CERTIFICATE_NAMES_MAX]; /* in this order, and no others */
    size_t extension_count;
    struct {
        enum certificate_content content;
        bool critical;
    } extensions[CERTIFICATE_EXTENSIONS_MAX]; /* in this order, and no others */
};

struct certificate_subject {
    const struct certificate_profile *profile;
    const char *organization;
    const char *model;
    const char *serial;
    const char *hardware_type;              /* hwType, an OID in dots */
    const char *masa_url;                   /* NULL unless the profile has it */
    uint16_t matter_vendor, matter_product; /* 0 unless the profile has them */
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
 * the curve and is no key that everybody knows (hsm/weak.h), ecdsa-with-SHA256, the signature (proof of possession),
 * and one serialNumber in the subject that equals `serial`. Nothing but the public key is ever taken from it:
 * extensions asked for and other names are not honoured.
 *
 * Faults: CSR_REFUSED, CRYPTO.
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

/* The request is checked against subject->serial; a key of this plant (the issuer's, the root's, any on the issuer's
 * token) is refused. The new certificate's own DER is walked (hsm/lint.h) and its signature and chain verified before
 * it is given out.
 *
 * Faults: CSR_REFUSED, CERTIFICATE_REFUSED (also when the issuing certificate may not issue under a Matter profile),
 * HSM_CALL, HSM_RANDOM, CRYPTO, USAGE for a profile that says nothing or too much, a subject that does not fit
 * PrintableString or is longer than 64 characters, a hardware type that is no OID, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool certificate_issue(struct certificate_issuer *issuer, const uint8_t *csr,
                                                        size_t csr_size, const struct certificate_subject *subject,
                                                        struct certificate *ret_certificate, struct fault *fault);

/* The same for a key that was made in the token, so that no request proves possession of it. */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool certificate_issue_key(struct certificate_issuer *issuer,
                                                            const uint8_t point[CERTIFICATE_POINT_SIZE],
                                                            const struct certificate_subject *subject,
                                                            struct certificate *ret_certificate, struct fault *fault);

/* The subject as one line (RFC 2253, UTF-8), cut to fit. Faults: CRYPTO. */
#define CERTIFICATE_NAME_SIZE 257
NODISCARD NONNULL(1, 2, 3) bool certificate_subject_text(const struct certificate *certificate,
                                                         char ret_text[CERTIFICATE_NAME_SIZE], struct fault *fault);

/* Reads one PEM certificate into a value. Faults: FILE, CRYPTO. */
NODISCARD NONNULL(1, 2, 3) bool certificate_read(const char *path, struct certificate *ret_certificate,
                                                 struct fault *fault);
