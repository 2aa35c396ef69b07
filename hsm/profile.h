/* profile.h -- what a device certificate looks like, as data.
 *
 * One row of the table is one profile. profile_build() makes the unsigned certificate from a row; the lint (hsm/lint.h)
 * walks the finished DER against the same row, with a reader of its own.
 *
 * Owner    rows are static; the caller owns what it gets
 * Threads  any
 * Secrets  none
 * Layer    hsm/, inside the room only
 * Spec     RFC 5280, IEEE 802.1AR-2018 section 8, RFC 4108 section 5
 */
#pragma once

#include "hsm/certificate.h"
#include "hsm/crypto.h"

#define PROFILE_SUBJECT_MAX 3
#define PROFILE_EXTENSION_MAX 4
#define PROFILE_TEXT_MAX 64 /* characters of one name; X.520's upper bound */
#define PROFILE_HARDWARE_TYPE_MAX 32

/* What fills a part of the subject. */
enum profile_source { PROFILE_ORGANIZATION, PROFILE_MODEL, PROFILE_SERIAL };

/* What fills an extension. */
enum profile_content {
    PROFILE_AUTHORITY_KEY,   /* the key identifier of the issuing certificate */
    PROFILE_KEY_USAGE,       /* the bits named */
    PROFILE_HARDWARE_MODULE, /* SAN otherName: hwType, and hwSerialNum = the serial */
};

struct profile_extension {
    int nid;
    bool critical;
    enum profile_content content;
    uint8_t key_usage; /* first byte of the BIT STRING: 0x80 is digitalSignature */
};

struct profile {
    const char *name;
    const char *not_after; /* GeneralizedTime */
    size_t subject_count;
    struct {
        int nid;
        enum profile_source source;
    } subject[PROFILE_SUBJECT_MAX];
    size_t extension_count;
    struct profile_extension extensions[PROFILE_EXTENSION_MAX]; /* in this order, and no others */
};

/* Faults: USAGE for an unknown name. */
NODISCARD NONNULL(1, 2, 3) bool profile_find(const char *name, const struct profile **ret_profile, struct fault *fault);

/* Faults: USAGE. */
NODISCARD NONNULL(1, 2) bool profile_check_subject(const struct certificate_subject *subject, struct fault *fault);

/* The text that a part of the subject is filled with. */
NODISCARD NONNULL(1) const char *profile_text(const struct certificate_subject *subject, enum profile_source source);

/* The certificate but for its signature. `number` is the serial number's magnitude, big-endian, not zero.
 *
 * Faults: CRYPTO.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5, 6, 7) bool profile_build(const struct profile *profile,
                                                          const struct certificate_subject *subject, X509 *issuing,
                                                          const uint8_t point[POINT_SIZE],
                                                          const uint8_t number[CERTIFICATE_SERIAL_MAX],
                                                          X509 **ret_certificate, struct fault *fault);
