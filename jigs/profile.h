/* profile.h -- a certificate profile as data: what hsm/ builds and lints a device certificate by.
 *
 * The kinds of names and extensions are a closed set in code; which of them a certificate has, in what order, is data
 * in a file beside the products. Each certificate is stamped with the profile's id and hash in the record.
 *
 * Owner    values; read by jigs/read.h
 * Threads  any
 * Secrets  none
 * Layer    jigs/ may include base/ only
 * Spec     RFC 5280, IEEE 802.1AR-2018, RFC 8995 2.3, Matter Core 6.2.2
 */
#pragma once

#include "jigs/policy.h"

#define PROFILE_NAMES_MAX 8
#define PROFILE_EXTENSIONS_MAX 8
#define PROFILE_TEXT_MAX 64 /* X.520's upper bound of a name */

enum profile_attribute {
    PROFILE_COMMON_NAME,
    PROFILE_ORGANIZATION,
    PROFILE_ORGANIZATIONAL_UNIT,
    PROFILE_SERIAL_NUMBER,
    PROFILE_MATTER_VENDOR_ID,
    PROFILE_MATTER_PRODUCT_ID,
};

enum profile_source {
    PROFILE_FROM_ORGANIZATION, /* of the product's certificate */
    PROFILE_FROM_MODEL,
    PROFILE_FROM_SERIAL,
    PROFILE_FROM_TEXT, /* the profile's own */
    PROFILE_FROM_MATTER_VENDOR,
    PROFILE_FROM_MATTER_PRODUCT,
};

enum profile_content {
    PROFILE_AUTHORITY_KEY,
    PROFILE_SUBJECT_KEY,
    PROFILE_BASIC_CONSTRAINTS, /* says that it is no certificate authority */
    PROFILE_KEY_USAGE,
    PROFILE_HARDWARE_MODULE, /* subjectAltName */
    PROFILE_MASA_URL,
};

#define PROFILE_DIGITAL_SIGNATURE 0x80 /* as in the BIT STRING's first byte */
#define PROFILE_KEY_AGREEMENT 0x08

struct profile_name {
    enum profile_attribute attribute;
    enum profile_source source;
    char text[PROFILE_TEXT_MAX + 1];
};

struct profile_extension {
    enum profile_content content;
    bool critical;
};

struct profile {
    char id[33];
    char not_after[16]; /* GeneralizedTime; empty: `years` after issue */
    unsigned years;
    unsigned key_usage;
    struct profile_name names[PROFILE_NAMES_MAX]; /* in the certificate's order */
    size_t name_count;
    struct profile_extension extensions[PROFILE_EXTENSIONS_MAX];
    size_t extension_count;
    uint8_t sha256[SHA256_SIZE]; /* of the file's bytes */
};

/* Whether a certificate of this profile has something from this source, or such an extension. */
NODISCARD NONNULL(1) bool profile_names_from(const struct profile *profile, enum profile_source source);
NODISCARD NONNULL(1) bool profile_has(const struct profile *profile, enum profile_content content);
