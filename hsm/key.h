/* key.h -- keys on a token: found, compared, proven, used.
 *
 * Owner    keys are values; they live as long as their token
 * Threads  as the token's
 * Secrets  none: a private key never leaves its token
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/crypto.h"
#include "hsm/inside.h"

/* The labels of a plant's keys. The public and the private half carry the same label and the same random CKA_ID. */
#define KEY_ROOT "kokuin-root"
#define KEY_ISSUING "kokuin-issuing"
#define KEY_STATION "kokuin-station"
#define KEY_FINGERPRINT "kokuin-fingerprint"
#define KEY_CHECKPOINT "kokuin-checkpoint"
#define KEY_RECOVERY "kokuin-recovery"
#define KEY_SPARE "kokuin-spare"

struct key {
    CK_OBJECT_HANDLE handle;   /* the private half */
    uint8_t point[POINT_SIZE]; /* the public half */
    bool asks_pin;             /* CKA_ALWAYS_AUTHENTICATE: wants the PIN before each signature */
};

/* The one private key of this label, protected, with the one public key of its CKA_ID.
 *
 * Faults: HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_KEY_WRONG when it is not sensitive or may be extracted, HSM_CALL.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool key_find(struct token *token, const char *label, struct key *ret_key,
                                            struct fault *fault);

/* The point of a public key; `label` names it in a fault. Faults: HSM_KEY_WRONG when it is not on P-256, HSM_CALL. */
NODISCARD NONNULL(1, 3, 4, 5) bool key_point(struct token *token, CK_OBJECT_HANDLE object,
                                             uint8_t ret_point[POINT_SIZE], const char *label, struct fault *fault);

/* The one secret key of this label, protected. Faults: as above. */
NODISCARD NONNULL(1, 2, 3, 4) bool key_find_secret(struct token *token, const char *label, CK_OBJECT_HANDLE *ret_key,
                                                   struct fault *fault);

/* Finds the key, compares it with the certificate's, and has it sign something new that the certificate's key must
 * verify. `pin` only for a key that asks for it.
 *
 * Faults: as key_find, and HSM_KEY_WRONG, HSM_PIN, CRYPTO.
 */
NODISCARD NONNULL(1, 2, 3, 5, 6) bool key_find_for(struct token *token, const char *label, X509 *certificate,
                                                   const struct secret *pin, struct key *ret_key, struct fault *fault);

/* Signs a SHA-256 digest. The signature is DER. Faults: HSM_PIN, HSM_CALL, CRYPTO. */
NODISCARD NONNULL(1, 2, 4, 5, 6, 7) bool key_sign(struct token *token, const struct key *key, const struct secret *pin,
                                                  const uint8_t digest[32], uint8_t ret_der[DER_SIGNATURE_MAX],
                                                  size_t *ret_size, struct fault *fault);

/* The certificate with its signature made in the token: ecdsa-with-SHA256, checked against the signer's public key.
 *
 * Faults: HSM_PIN, HSM_CALL, CRYPTO, CERTIFICATE_REFUSED.
 */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool key_certify(struct token *token, const struct key *key, const struct secret *pin,
                                                  X509 *unsigned_certificate, X509 **ret_certificate,
                                                  struct fault *fault);

/* `tbs` signed in the token, with its algorithm and signature in one SEQUENCE around it: a certificate or a list of
 * revoked ones. The signature is not checked here.
 *
 * Faults: HSM_PIN, HSM_CALL, CRYPTO, also when it does not fit `size`.
 */
NODISCARD NONNULL(1, 2, 3, 5, 7, 8) bool key_sign_der(struct token *token, const struct key *key, const uint8_t *tbs,
                                                      size_t tbs_size, uint8_t *ret_der, size_t size, size_t *ret_size,
                                                      struct fault *fault);

/* The points of the public P-256 keys on the token, at most `most`; more is a fault. Faults: HSM_CALL, HSM_AMBIGUOUS.
 */
NODISCARD NONNULL(1, 2, 4, 5) bool key_list_points(struct token *token, uint8_t (*ret_points)[POINT_SIZE], size_t most,
                                                   size_t *ret_count, struct fault *fault);
