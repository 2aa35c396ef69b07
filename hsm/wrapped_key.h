/* wrapped_key.h -- a device key for a unit that cannot make one: born in the token, and out of it only wrapped.
 *
 *   unit                          this program                     token
 *   one-time pair (u, U)
 *     -- U, over TLS ----------->  is U on the curve?  -- U ----->  device pair (d, D), one-time pair (t, T)
 *                                                                   Z = x of t*U: an AES-256 key that only wraps
 *                                 certificate for D  <- D, T, W --  W = Z wraps PKCS#8 of d (RFC 5649)
 *     <- T, W, certificate ------
 *   Z = x of u*T; W gives d, whose point must be the certificate's
 *
 * All of it are session objects, sensitive, destroyed before the call returns. No byte of d or Z ever comes out of the
 * token's module in the clear: whatever is kept of a journey, W included, opens nothing without u. (A software token
 * that is loaded directly has its memory in this process, d with it, until then.)
 *
 * What it cannot promise: the token does not know the unit. A host that was taken over may give the token a point of
 * its own, with a secret half that it knows, and open W. A key born in the unit has no such moment; a product should
 * have `key: station` only where the unit's own keys would be worse, and the record says of each unit which it was.
 * Z goes without a key derivation function, because not every token has one; each Z wraps one key and is gone.
 *
 * The PKCS#8 may be followed by up to seven zeros within W: SoftHSM fills it up so.
 *
 * Owner    values
 * Threads  as the token's
 * Secrets  none of the unit's. The trial of wrapped_key_probe() opens a throw-away key in `struct secret`
 * Layer    hsm/
 * Spec     PKCS#11 v2.40 and v3.0, SP 800-56A (ECDH), RFC 5649, RFC 5958 (PKCS#8)
 */
#pragma once

#include "hsm/certificate.h"

#define WRAPPED_KEY_MAX 256 /* bytes; SoftHSM makes 80 */

struct wrapped_key {
    uint8_t point[CERTIFICATE_POINT_SIZE];     /* D: what the certificate is for */
    uint8_t transport[CERTIFICATE_POINT_SIZE]; /* T */
    uint8_t bytes[WRAPPED_KEY_MAX];            /* W */
    size_t size;
};

/* Whether keys can be made so over this way to the token, and by which mechanism: RFC 5649 has 0x210b in PKCS#11 v3.0,
 * but some tokens have it, and some have another scheme, at 0x210a. A throw-away key goes the whole way to a point of
 * ours and is opened here, in software: only a mechanism whose key comes out whole is given.
 *
 * Faults: HSM_CANNOT, naming the token and what it refused (p11-kit 0.24 passes no key agreement and no key
 * wrapping); HSM_KEY_LEAVES when the token shows a sensitive key's value; HSM_CALL, HSM_RANDOM, CRYPTO, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3) bool wrapped_key_probe(struct token *token, unsigned long *ret_mechanism,
                                                  struct fault *fault);

/* `mechanism` is the probe's; `unit_point` is U, as it came: hostile. The new pair has proven itself with a signature.
 *
 * Faults: TRANSPORT_REFUSED when U is not on P-256 or its key is one that everybody knows; HSM_CANNOT,
 * HSM_KEY_WRONG when the token made other keys than it was told; HSM_CALL, HSM_RANDOM, CRYPTO.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool wrapped_key_make(struct token *token, unsigned long mechanism,
                                                    const uint8_t unit_point[CERTIFICATE_POINT_SIZE],
                                                    struct wrapped_key *ret_key, struct fault *fault);
