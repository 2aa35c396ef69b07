/* open.h -- a sealed password opened by the recovery key, or by the spare, in its token.
 *
 * The desk's side of hsm/seal.h. The token agrees on a secret with the sender's one-time key (ECDH; the module must be
 * loaded directly, because a p11-kit server of 0.24 passes no key agreement); the rest is arithmetic on bytes that live
 * in secret memory or are wiped. The serial and the kind inside must be those asked for, so that a blob that was moved
 * to another unit is found out. Whoever opens records it first: this room keeps no record.
 *
 * Owner    the caller frees the password
 * Threads  as the token's
 * Secrets  the password, the agreed secret and the content key; every copy made here is wiped
 * Layer    hsm/
 * Spec     RFC 5083, RFC 5084, RFC 5652, RFC 5753, ANSI X9.63 (key derivation), RFC 3394
 */
#pragma once

#include "hsm/seal.h"
#include "hsm/token.h"

enum open_key { OPEN_RECOVERY, OPEN_SPARE };

struct open_request {
    enum open_key key;            /* which of the two is in the token */
    const char *certificate_path; /* its certificate, PEM */
    const uint8_t *blob;          /* hostile: at most SEALED_MAX bytes of DER, nothing behind */
    size_t size;
    const char *serial; /* what must be inside, 1 to 64 printable ASCII characters each */
    const char *kind;
};

/* Faults: SEAL when the blob is damaged, of another form, not for this key, or another unit's or kind's;
 * HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_KEY_WRONG when the key is not the certificate's; HSM_CALL, FILE, CRYPTO,
 * NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool seal_open(struct token *token, const struct open_request *request,
                                             struct secret **ret_password, struct fault *fault);
