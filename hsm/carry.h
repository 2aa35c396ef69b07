/* carry.h -- a secret key carried from token to token, never in the clear outside them.
 *
 * The key is born as an object of the first token's session: sensitive, extractable, and gone when the session ends. A
 * one-time P-256 pair of the token that gives and one of the token that takes agree on an AES-256 key inside both
 * tokens; under it the key is wrapped, and unwrapped as what it shall be. No byte of the key or of the AES key is ever
 * in this process: it sees points and 40 wrapped bytes.
 *
 * What this does not guard against: a program in this one's place could hand out points of its own and unwrap the key
 * by itself. The tokens do not know each other, so the machine of a ceremony is trusted.
 *
 * Owner    the caller destroys the keys it got with carry_drop()
 * Threads  as the tokens'
 * Secrets  none in the clear
 * Layer    hsm/, inside the room only
 * Spec     PKCS#11 v2.40 CKM_ECDH1_DERIVE with CKD_NULL; RFC 3394
 */
#pragma once

#include "hsm/make.h"

#define CARRY_KEY_SIZE 32
#define CARRY_WRAPPED_SIZE (CARRY_KEY_SIZE + 8)

/* A key of a session: gone with it. */
struct carried {
    struct token *token;
    CK_OBJECT_HANDLE handle;
};

/* Wrapped by a one-time pair to the owner of a public key. */
struct carry_parcel {
    uint8_t point[POINT_SIZE]; /* of the one-time pair */
    uint8_t wrapped[CARRY_WRAPPED_SIZE];
};

/* Whether a key can be carried between the two (which may be one): does it once with a key that is thrown away.
 * Nothing is left on either. Faults: HSM_CANNOT with the function that failed and why; HSM_CALL.
 */
NODISCARD NONNULL(1, 2, 3) bool carry_rehearse(struct token *from, struct token *to, struct fault *fault);

/* Whether a one-time pair of the session agrees on a key with itself. */
NODISCARD NONNULL(1) bool carry_agrees(struct token *token);

/* A new 256-bit secret for HMAC, of the session. Faults: HSM_CANNOT. */
NODISCARD NONNULL(1, 2, 3) bool carry_generate(struct token *token, struct carried *ret_key, struct fault *fault);

/* Unwraps the key on made->token as the object of made->order with made->id: a token object that stays. Faults:
 * HSM_CANNOT, HSM_CALL, CRYPTO.
 */
NODISCARD NONNULL(1, 2, 3) bool carry_to(const struct carried *key, struct made_key *made, struct fault *fault);

/* Wraps the key to the owner of the point, for whom `carry_open` opens it. Faults: HSM_CANNOT, HSM_CALL. */
NODISCARD NONNULL(1, 2, 3, 4) bool carry_seal(const struct carried *key, const uint8_t point[POINT_SIZE],
                                              struct carry_parcel *ret_parcel, struct fault *fault);

/* Unwraps the parcel as a key of the session, with a private key that agrees. Faults: HSM_CANNOT, CRYPTO when the
 * parcel's point is not on the curve.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool carry_open(struct token *token, const struct key *key,
                                                 const struct carry_parcel *parcel, struct carried *ret_key,
                                                 struct fault *fault);

/* The start of the HMAC over a label, by which equal keys are known. Faults: HSM_CALL. */
NODISCARD NONNULL(1, 2, 3, 4) bool carry_check(const struct carried *key, const char *label,
                                               uint8_t ret_check[MAKE_CHECK_SIZE], struct fault *fault);

void carry_drop(const struct carried *key);
