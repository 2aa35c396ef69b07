/* station_key.h -- the station's TLS key, usable by OpenSSL and never readable.
 *
 * The key comes through a small in-process provider that lives in a library context of its own; the rest of the
 * program never hears of it. `struct evp_pkey_st` is OpenSSL's handle of "a key one may use", the one library type
 * that crosses this room's wall: the link in fixtures/ hands it to its own SSL_CTX.
 *
 * Owner    the caller frees the key before its token
 * Threads  as the token's
 * Secrets  none: the private key stays in the token
 * Layer    hsm/
 */
#pragma once

#include "hsm/token.h"

struct evp_pkey_st;
struct station_key;

/* Faults: FILE, CRYPTO, HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_KEY_WRONG, HSM_CALL, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3, 4) bool station_key_open(struct token *token, const char *certificate_path,
                                                    struct station_key **ret_key, struct fault *fault);
void station_key_free(struct station_key *key);
DEFINE_CLEANUP(struct station_key *, station_key_free)

/* Lives as long as the station key. */
NODISCARD NONNULL(1) struct evp_pkey_st *station_key_handle(const struct station_key *key);

/* The fault of the latest signature, or NULL when it was made: TLS itself only says that the handshake failed. Lives as
 * long as the station key. */
NODISCARD NONNULL(1) const struct fault *station_key_trouble(const struct station_key *key);
