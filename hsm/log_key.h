/* log_key.h -- the checkpoint key of a production token: signs the heads of the log.
 *
 * Owner    the caller frees the key; the token stays the caller's and outlives it
 * Threads  as the token's
 * Secrets  none: the key never leaves its token
 * Layer    hsm/
 */
#pragma once

#include "hsm/token.h"

#define LOG_KEY_ID_SIZE 4
#define LOG_KEY_SIGNATURE_MAX 72

struct log_key;

/* `certificates` is a PEM file with the certificates of a plant's checkpoint keys, one after another: the token's key
 * must be one of theirs, and proves it by a signature.
 *
 * Faults: FILE, HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_KEY_WRONG when the token's key is nobody's of the file, HSM_CALL,
 * CRYPTO, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool log_key_open(struct token *token, const char *certificates, struct log_key **ret_key,
                                                struct fault *fault);
void log_key_free(struct log_key *key);
DEFINE_CLEANUP(struct log_key *, log_key_free)

/* The first bytes of the SHA-256 of its SubjectPublicKeyInfo. */
NONNULL(1) void log_key_id(const struct log_key *key, uint8_t ret_id[LOG_KEY_ID_SIZE]);

/* ECDSA with SHA-256 over the text, in DER; verified before it is given out. Faults: HSM_CALL, CRYPTO. */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool log_key_sign(struct log_key *key, const void *text, size_t size,
                                                   uint8_t ret_der[LOG_KEY_SIGNATURE_MAX], size_t *ret_size,
                                                   struct fault *fault);
