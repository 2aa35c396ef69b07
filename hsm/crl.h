/* crl.h -- the list of revoked device certificates of one issuing CA, signed by that CA's token.
 *
 * A list holds whatever the record says is revoked; the record also says its number and remembers it
 * (schema/store_revocation.h). The list is linted byte by byte and verified with the issuing certificate before it is
 * given out.
 *
 * Owner    the caller ends a list with crl_free()
 * Threads  as the token's
 * Secrets  none
 * Layer    hsm/
 * Spec     RFC 5280 section 5
 */
#pragma once

#include "hsm/certificate.h"

/* An entry is 56 bytes here and about 52 in the list, so the largest list takes 14 MB, 12 MB and, as PEM, 17 MB. */
#define CRL_ENTRIES_MAX 250000

/* CRLReason of RFC 5280 5.3.1; the record says which. */
enum crl_reason {
    CRL_AFFILIATION_CHANGED = 3,
    CRL_SUPERSEDED = 4,
    CRL_CESSATION_OF_OPERATION = 5,
};

struct crl_entry {
    uint8_t serial[CERTIFICATE_SERIAL_MAX]; /* big-endian, without leading zeros */
    size_t serial_size;
    int64_t revoked_at; /* seconds since 1970, UTC */
    enum crl_reason reason;
};

struct crl_request {
    uint64_t number;                  /* cRLNumber, 1 or more */
    int64_t this_update, next_update; /* seconds since 1970, UTC */
    const struct crl_entry *entries;  /* by serial number, ascending, each once */
    size_t count;
};

struct crl {
    uint8_t *der;
    size_t size;
    uint8_t sha256[32];
};

/* Faults: USAGE for entries out of order, more than CRL_ENTRIES_MAX, an unknown reason, and for times that are not in
 * order or lie in the future; CERTIFICATE_REFUSED when the issuing certificate may not sign lists, or the list does not
 * pass its lint or its verification; HSM_CALL, CRYPTO, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool crl_issue(struct certificate_issuer *issuer, const struct crl_request *request,
                                             struct crl *ret_crl, struct fault *fault);
void crl_free(struct crl *crl);

/* Writes DIRECTORY/NAME.crl (DER) and NAME.crl.pem over what was there: both are written aside and forced to the disk
 * first, and on a fault both are as before, unless the disk fails between two renames.
 *
 * Faults: FILE, CRYPTO, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool crl_write(const struct crl *crl, const char *directory, const char *name,
                                             struct fault *fault);

/* Re-reads a finished list from its bytes, whatever made them. For crl_issue(), and for tests that spoil one.
 *
 * Faults: CERTIFICATE_REFUSED.
 */
NODISCARD NONNULL(1, 2, 4, 5) bool crl_lint(struct certificate_issuer *issuer, const uint8_t *der, size_t size,
                                            const struct crl_request *request, struct fault *fault);
