/* checkpoint.h -- the signed head of a log, as text that can be mailed, printed and read aloud.
 *
 *     kokuin-log/0192...                              origin: the log's name
 *     20852163                                        leaves
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=    root
 *     2026-11-24T03:06:31.000000Z                     when it was signed, UTC
 *
 *     — kokuin-log/0192... Az3grlgtzPIC...             key id and signature
 *
 * The signature covers the lines above the empty one, with their ends. It is ECDSA on P-256 with SHA-256, in DER,
 * behind the first four bytes of the SHA-256 of the key's SubjectPublicKeyInfo. Signatures of unknown keys are passed
 * over.
 *
 * Owner    the caller frees keys; checkpoints are values
 * Threads  keys may be read by many
 * Secrets  none
 * Layer    audit/
 * Spec     c2sp.org/signed-note (type 0x02), c2sp.org/tlog-checkpoint with one extension line
 */
#pragma once

#include "audit/merkle.h"

#define CHECKPOINT_ORIGIN_SIZE 64
#define CHECKPOINT_TIME_SIZE 32
#define CHECKPOINT_TEXT_MAX 256 /* what is signed */
#define CHECKPOINT_NOTE_MAX 4096
#define CHECKPOINT_SIGNATURE_MAX 72
#define CHECKPOINT_KEY_ID_SIZE 4

struct checkpoint {
    char origin[CHECKPOINT_ORIGIN_SIZE];
    uint64_t size;
    struct merkle_hash root;
    char time[CHECKPOINT_TIME_SIZE];
};

/* The text to sign, with its terminator. Faults: BAD_BYTES for an origin or time that does not fit a line. */
NODISCARD NONNULL(1, 2, 3) bool checkpoint_text(const struct checkpoint *checkpoint, char ret_text[CHECKPOINT_TEXT_MAX],
                                                struct fault *fault);

/* Text, empty line, signature line. Faults: BAD_BYTES. */
NODISCARD NONNULL(1, 2, 3, 5, 6) bool checkpoint_note(const struct checkpoint *checkpoint,
                                                      const uint8_t key_id[CHECKPOINT_KEY_ID_SIZE],
                                                      const uint8_t *signature, size_t signature_size,
                                                      char ret_note[CHECKPOINT_NOTE_MAX + 1], struct fault *fault);

/* The public keys of those who may sign. */
struct checkpoint_keys;

/* From a PEM file with certificates or public keys, one after another. The certificates' dates and issuers are not
 * looked at: the file is trusted as it is. Faults: FILE, CERTIFICATE_REFUSED when one is not on P-256, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool checkpoint_keys_read(const char *path, struct checkpoint_keys **ret_keys,
                                                     struct fault *fault);
void checkpoint_keys_free(struct checkpoint_keys *keys);
DEFINE_CLEANUP(struct checkpoint_keys *, checkpoint_keys_free)

/* Reads a note from bytes of any origin. A known key's signature that does not verify refuses the whole.
 *
 * Faults: LOG_HEAD when it is none, or none of the keys signed it.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool checkpoint_read(const char *note, size_t size, const struct checkpoint_keys *keys,
                                                   struct checkpoint *ret_checkpoint, struct fault *fault);
