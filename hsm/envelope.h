/* envelope.h -- a sealed password's blob, taken apart; hostile bytes.
 *
 * Reads exactly the form that hsm/seal.h writes, and refuses every other.
 *
 * Owner    values over the caller's blob
 * Threads  any
 * Secrets  none: everything in the blob is public
 * Layer    hsm/, inside the room only
 * Spec     RFC 5083, RFC 5084, RFC 5652, RFC 5753
 */
#pragma once

#include "hsm/crypto.h"

#define ENVELOPE_KEY_SIZE 32                          /* AES-256 */
#define ENVELOPE_WRAPPED_SIZE (ENVELOPE_KEY_SIZE + 8) /* RFC 3394 */
#define ENVELOPE_NONCE_SIZE 12
#define ENVELOPE_TAG_SIZE 16

struct span {
    const uint8_t *at;
    size_t size;
};

/* What of the blob the arithmetic needs; all of it lies inside the blob but the sender's point. */
struct envelope {
    uint8_t point[POINT_SIZE];
    struct span wrap_algorithm; /* the whole AlgorithmIdentifier */
    struct span wrapped_key;
    struct span nonce;
    struct span content;
    struct span tag;
};

/* What the recipient that this certificate is needs of the blob. The sender's point is not checked yet.
 *
 * Faults: SEAL.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool envelope_read(const uint8_t *blob, size_t size, X509 *certificate,
                                                 struct envelope *ret_envelope, struct fault *fault);
