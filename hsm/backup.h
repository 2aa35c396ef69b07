/* backup.h -- the fingerprint key sealed to the recovery key: fingerprint.backup, and fingerprint.check beside it.
 *
 *   kokuin-fingerprint-backup 1
 *   check 0123456789abcdef                   the start of the HMAC over "kokuin-fingerprint"
 *   recovery 04...                           the recovery key's public point
 *   point 04...                              of the one-time pair that agreed with it (ECDH, raw Z is the AES-256 key)
 *   wrapped ...                              the key, AES key wrap (RFC 3394)
 *
 * Owner    values; the caller frees the texts with free()
 * Threads  as the token's
 * Secrets  none in the clear
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/carry.h"

#define BACKUP_FILE "fingerprint.backup"
#define BACKUP_CHECK_FILE "fingerprint.check"

struct backup {
    uint8_t check[MAKE_CHECK_SIZE];
    uint8_t recovery[POINT_SIZE];
    struct carry_parcel parcel;
};

/* Faults: HSM_CANNOT, HSM_CALL. */
NODISCARD NONNULL(1, 2, 3, 4) bool backup_make(const struct carried *key, const uint8_t recovery[POINT_SIZE],
                                               struct backup *ret_backup, struct fault *fault);

/* Faults: NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool backup_write(const struct backup *backup, char **ret_text, struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool backup_write_check(const uint8_t check[MAKE_CHECK_SIZE], char **ret_text,
                                                   struct fault *fault);

/* Exactly the form above and nothing else. Faults: BAD_BYTES. */
NODISCARD NONNULL(1, 3, 4) bool backup_read(const char *text, size_t size, struct backup *ret_backup,
                                            struct fault *fault);

/* Opens the backup with the recovery key in its token, as a key of the session; its check value must be the backup's.
 *
 * Faults: HSM_KEY_WRONG when the backup is for another recovery key or opens to another value, as key_find(), and
 * HSM_CANNOT, HSM_CALL, CRYPTO.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool backup_open(struct token *recovery, const struct backup *backup,
                                               struct carried *ret_key, struct fault *fault);
