/* provider.h -- a key in a token, as a key that OpenSSL may use and cannot read.
 *
 * A small OpenSSL provider in a library context of its own: key management "EC", signature "HSM-ECDSA" (ECDSA on P-256
 * with SHA-256, one token signature for each). The default context never hears of it, so no search for an algorithm
 * elsewhere in the program can land in a token. libssl 3.0 signs with a key of another context through the key's own
 * provider.
 *
 * Only the entry points that libssl calls for a TLS server are there; what is missing fails closed.
 *
 * Owner    the caller frees the provider, after the last user of its key
 * Threads  as the token's
 * Secrets  none: the private key stays in the token and its export is refused
 * Layer    hsm/, inside the room only
 * Spec     OpenSSL 3.0: provider-keymgmt(7), provider-signature(7)
 */
#pragma once

#include "hsm/key.h"

struct provider;

/* Faults: CRYPTO, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3, 4) bool provider_open(struct token *token, const struct key *key,
                                                 struct provider **ret_provider, struct fault *fault);
void provider_free(struct provider *provider);
DEFINE_CLEANUP(struct provider *, provider_free)

/* Its token ends: every signature fails until the same key was found again on a token opened afresh. The handle stays
 * valid throughout. */
NONNULL(1) void provider_leave(struct provider *provider);
NONNULL(1, 2, 3) void provider_renew(struct provider *provider, struct token *token, const struct key *key);

/* Lives as long as the provider. */
NODISCARD NONNULL(1) EVP_PKEY *provider_key(const struct provider *provider);

/* The fault of the latest signature, or NULL when it was made. */
NODISCARD NONNULL(1) const struct fault *provider_trouble(const struct provider *provider);
