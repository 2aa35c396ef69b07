/* seal.h -- a password sealed so that only the recovery key can open it.
 *
 * CMS AuthEnvelopedData: ECDH P-256 with the X9.63 KDF over SHA-256, AES-256 key wrap, AES-256-GCM; one recipient for
 * each recovery certificate. The content is "<serial>\n<kind>\n<password>", so that a blob moved to another unit is
 * found out. The station has only the public keys; stock `openssl cms -decrypt` opens it.
 *
 * Owner    the caller frees the sealer; blobs are values
 * Threads  one sealer belongs to one thread
 * Secrets  the password passes through; every copy made here is wiped
 * Layer    hsm/
 * Spec     RFC 5083, RFC 5084, RFC 5652, RFC 5753
 */
#pragma once

#include "base/secret.h"

#define SEALED_MAX 1024

struct sealer;

struct sealed {
    uint8_t der[SEALED_MAX];
    size_t size;
};

/* One or two certificates, each P-256, for key agreement and valid now. They are trusted as they are: whoever may
 * replace these files may read every later password.
 *
 * Faults: FILE, CRYPTO, USAGE when there is no certificate or more than two, NO_MEMORY. */
NODISCARD NONNULL(1, 3, 4) bool sealer_open(const char *const *certificate_paths, size_t count,
                                            struct sealer **ret_sealer, struct fault *fault);
void sealer_free(struct sealer *sealer);
DEFINE_CLEANUP(struct sealer *, sealer_free)

/* SHA-256 of the first recovery certificate, for the record. Lives as long as the sealer. */
NODISCARD NONNULL(1) const uint8_t *sealer_key(const struct sealer *sealer);

/* `serial` and `kind` are 1 to 64 printable ASCII characters, the password 1 to 128 bytes. Faults: SEAL. */
NODISCARD NONNULL(1, 2, 3, 4, 5, 6) bool seal_password(struct sealer *sealer, const char *serial, const char *kind,
                                                       const struct secret *password, struct sealed *ret_sealed,
                                                       struct fault *fault);
