/* station_key.h -- the station's TLS key, usable by OpenSSL and never readable.
 *
 * The key comes through a small in-process provider that lives in a library context of its own; the rest of the
 * program never hears of it. `struct evp_pkey_st` is OpenSSL's handle of "a key one may use", the one library type
 * that crosses this room's wall: the link in fixtures/ hands it to its own SSL_CTX.
 *
 * Owner    the caller frees the key, or leaves its token, before the token is freed
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

/* Before the token is freed: signatures fail until the key was found again on a token opened afresh. The handle stays
 * valid throughout, so no link need be made anew. */
NONNULL(1) void station_key_leave(struct station_key *key);

/* Finds the key of the same certificate again, and has it prove itself. On false nothing has changed.
 *
 * Faults: HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_KEY_WRONG, HSM_CALL, HSM_RANDOM, CRYPTO.
 */
NODISCARD NONNULL(1, 2, 3) bool station_key_renew(struct station_key *key, struct token *token, struct fault *fault);

/* Lives as long as the station key. */
NODISCARD NONNULL(1) struct evp_pkey_st *station_key_handle(const struct station_key *key);

/* The fault of the latest signature, or NULL when it was made: TLS itself only says that the handshake failed. Lives as
 * long as the station key. */
NODISCARD NONNULL(1) const struct fault *station_key_trouble(const struct station_key *key);
