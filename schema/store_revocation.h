/* store_revocation.h -- what is revoked, and the revocation lists that were made of it.
 *
 * A list is made in this order: store_crl_next(), pages of store_crl_page(), the token signs, store_crl_register(), and
 * only then does anybody get to see it.
 *
 * Owner    values
 * Threads  as the store
 * Secrets  none
 * Layer    schema/ may include base/ only
 */
#pragma once

#include "schema/store.h"

struct store_crl_next {
    uint64_t number;      /* of the list to make */
    uint64_t last_update; /* thisUpdate of the list before, seconds since 1970; 0: there is none */
    uint64_t now;         /* the record's clock */
    uint64_t revoked;     /* certificates of this issuer that are revoked now */
};

/* `issuer_sha256` is of the issuing certificate's DER, 32 bytes, here and below. Faults: RECORD_REFUSED for an issuer
 * that is not in the record. */
NODISCARD NONNULL(1, 2, 3, 4) bool store_crl_next(struct store *store, const uint8_t *issuer_sha256,
                                                  struct store_crl_next *ret_next, struct fault *fault);

#define STORE_CRL_PAGE 1000

struct store_revoked {
    uint8_t serial[20];
    size_t serial_size;
    uint64_t at;     /* seconds since 1970 */
    unsigned reason; /* CRLReason of RFC 5280 5.3.1 */
};

/* At most STORE_CRL_PAGE in `ret_revoked`, in the order of length and bytes of the serial number, after the one given
 * (NULL for the first page). Fewer mean that there are no more. */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool store_crl_page(struct store *store, const uint8_t *issuer_sha256,
                                                     const struct store_revoked *after,
                                                     struct store_revoked *ret_revoked, size_t *ret_count,
                                                     struct fault *fault);

struct store_crl {
    const uint8_t *issuer_sha256;
    uint64_t number, this_update, next_update;
    uint64_t revoked;
    const uint8_t *sha256; /* of the list's DER */
};

/* Faults: CRL_BACKWARDS when the list does not follow the last one of its issuer, or the clocks are apart. */
NODISCARD NONNULL(1, 2, 3) bool store_crl_register(struct store *store, const struct store_crl *crl,
                                                   struct fault *fault);
