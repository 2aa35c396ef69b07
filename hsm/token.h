/* token.h -- one logged-in PKCS#11 token, and keys found on it.
 *
 * Found by RFC 7512 URI; two matches are a fault, not a choice: a spare token left plugged in must never be picked by
 * luck. Keys are found by CKA_LABEL and CKA_ID and compared with the public key of their certificate.
 *
 * Owner    whoever gets a token from token_open() ends it with token_free()
 * Threads  one token belongs to one thread
 * Secrets  the PIN is read while token_open() runs and is not kept
 * Layer    hsm/ may include base/ and nothing else of ours; only hsm/ includes p11-kit
 * Spec     PKCS#11 v2.40, RFC 7512
 */
#pragma once

#include "base/fault.h"
#include "base/secret.h"

struct token;

/* `module` is a PKCS#11 module's path, or "unix:/path" of a `p11-kit server`. Nothing of the system's own p11-kit
 * configuration is read. A wrong PIN is tried once and never again by itself.
 *
 * Faults: HSM_MODULE, HSM_NOT_FOUND, HSM_AMBIGUOUS, HSM_PIN, HSM_CALL, USAGE, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool token_open(const char *module, const char *uri, const struct secret *pin,
                                                 struct token **ret_token, struct fault *fault);
void token_free(struct token *token);
DEFINE_CLEANUP(struct token *, token_free)

/* The label the token reports, without its padding. Lives as long as the token. */
NODISCARD NONNULL(1) const char *token_label(const struct token *token);

/* Fills all of `bytes` from the token's generator, in pieces no larger than the token takes. On false they are zero.
 *
 * Faults: HSM_CALL.
 */
NODISCARD NONNULL(1, 2, 3) bool token_random(struct token *token, struct secret *bytes, struct fault *fault);
